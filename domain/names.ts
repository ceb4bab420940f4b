const MIGRATION_QUEUE = 'fairlead-migration';
const CHUNK_QUEUE = 'fairlead-chunk';

/** How this installation's workflows and task queues are called in a Temporal namespace. */
export interface Names {
  taskQueue: string;
  /** Of chunks only: a worker takes as many as it has slots, and leaves the others to workers that have one free. */
  chunkTaskQueue: string;
  migrateFleet: string;
  migrateShip(ship: string): string;
  verifyShip(ship: string): string;
  reprocessShip(ship: string): string;
  /** Of sensor sessions only: a worker that holds connections does nothing else. */
  sensorTaskQueue: string;
  sensorSession(sensor: string): string;
}

/**
 * @param installation a prefix, so that two installations can share a namespace
 */
export function namesOf(installation?: string): Names {
  const prefix = installation ? `${installation}/` : '';
  const queuePrefix = installation ? `${installation}-` : '';
  return {
    taskQueue: `${queuePrefix}${MIGRATION_QUEUE}`,
    chunkTaskQueue: `${queuePrefix}${CHUNK_QUEUE}`,
    migrateFleet: `${prefix}migrate-fleet`,
    migrateShip: (ship) => `${prefix}migrate-ship/${ship}`,
    verifyShip: (ship) => `${prefix}verify-ship/${ship}`,
    reprocessShip: (ship) => `${prefix}reprocess/${ship}`,
    sensorTaskQueue: `${queuePrefix}fairlead-sensor`,
    sensorSession: (sensor) => `${prefix}sensor-session/${sensor}`,
  };
}

/** The queue of chunks, for a workflow that knows only on which queue it runs itself. */
export const chunkQueueBeside = (taskQueue: string): string =>
  taskQueue.slice(0, -MIGRATION_QUEUE.length) + CHUNK_QUEUE;

const SUBJECTS = /^(?:[^/]+\/)?(migrate-ship|verify-ship|reprocess|sensor-session)\/(.+)$/s;

/** Whose workflow this is, by its id; nobody's for that of a fleet. */
export function subjectOfWorkflow(workflowId: string): { ship?: string; sensor?: string } {
  const [, kind, name] = SUBJECTS.exec(workflowId) ?? [];
  if (name === undefined) return {};
  return kind === 'sensor-session' ? { sensor: name } : { ship: name };
}
