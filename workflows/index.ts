export { migrateFleet } from './migrate-fleet.ts';
export { migrateShip } from './migrate-ship.ts';
export { reprocessShip } from './reprocess-ship.ts';
export { verifyShip } from './verify-ship.ts';
export { sensorSession } from './sensor-session.ts';
