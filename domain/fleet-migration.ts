import type { MigrateShipInput } from './migration-progress.ts';

export interface MigrateFleetInput {
  ships: Omit<MigrateShipInput, 'checkpoint'>[];
  /** Ships that migrate at the same time. */
  atOnce: number;
  installation?: string;
  checkpoint?: FleetCheckpoint;
}

/** By ship id; a ship that is in neither list has not been started. */
export interface FleetCheckpoint {
  started: string[];
  outcomes: FleetOutcome[];
  paused: boolean;
}

/** How one ship's migration ended; its report is its own workflow's result. */
export interface FleetOutcome {
  ship: string;
  end: 'finished' | 'cancelled' | 'failed';
  failedChunks: number;
  reason?: string;
}

export interface FleetReport {
  ships: FleetOutcome[];
}

export interface FleetProgress {
  phase: 'running' | 'paused' | 'cancelled' | 'finished';
  waitingToStart: string[];
  running: string[];
  outcomes: FleetOutcome[];
}
