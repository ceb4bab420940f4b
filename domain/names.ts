/** How this installation's workflows and task queues are called in a Temporal namespace. */
export interface Names {
  taskQueue: string;
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
    taskQueue: `${queuePrefix}fairlead-migration`,
    migrateFleet: `${prefix}migrate-fleet`,
    migrateShip: (ship) => `${prefix}migrate-ship/${ship}`,
    verifyShip: (ship) => `${prefix}verify-ship/${ship}`,
    reprocessShip: (ship) => `${prefix}reprocess/${ship}`,
    sensorTaskQueue: `${queuePrefix}fairlead-sensor`,
    sensorSession: (sensor) => `${prefix}sensor-session/${sensor}`,
  };
}

const SUBJECTS = /^(?:[^/]+\/)?(migrate-ship|verify-ship|reprocess|sensor-session)\/(.+)$/;

/** Whose workflow this is, by its id; nobody's for that of a fleet. */
export function subjectOfWorkflow(workflowId: string): { ship?: string; sensor?: string } {
  const [, kind, name] = SUBJECTS.exec(workflowId) ?? [];
  if (name === undefined) return {};
  return kind === 'sensor-session' ? { sensor: name } : { ship: name };
}
