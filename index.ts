/**
 * What a program of yours needs beside `@temporalio/client` to start, watch and steer what Fairlead runs; a workflow of
 * yours may import it too. The rest of the package may change with every version.
 *
 * @see docs/library.md
 */
export type {
  CellCounts,
  ChunkCounts,
  InstantRange,
  MigrationPhase,
  MigrationRequest,
  ShipReport,
} from './domain/migration.ts';
export type { FleetProgress, FleetReport, MigrateFleetInput } from './domain/fleet-migration.ts';
export type { MigrateShipInput, MigrationProgress, Waiting } from './domain/migration-progress.ts';
export type { MigrationTiming } from './domain/migration-timing.ts';
export { namesOf, type Names } from './domain/names.ts';
export type { SensorSessionInput, SessionReport, SessionView } from './domain/sensor-session.ts';
export type { VerifyProgress, VerifyReport, VerifyShipInput } from './domain/verification.ts';
export {
  cancel,
  failedChunks,
  fleetProgress,
  migratedThrough,
  migrationPhase,
  pause,
  percentDone,
  progress,
  resume,
  setWindow,
  shipId,
  verifyProgress,
} from './workflows/messages.ts';
export type { migrateFleet } from './workflows/migrate-fleet.ts';
export type { migrateShip } from './workflows/migrate-ship.ts';
export { migrationHeader, type MigrationHeader } from './workflows/migration-header.ts';
export {
  connectionState,
  reconnect,
  reconnects,
  sensorName,
  session,
  stop,
} from './workflows/sensor-messages.ts';
export type { sensorSession } from './workflows/sensor-session.ts';
export { sessionHeader, type SessionHeader } from './workflows/session-header.ts';
export type { verifyShip } from './workflows/verify-ship.ts';
