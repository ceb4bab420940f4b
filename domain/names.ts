/** How this installation's workflows and task queues are called in a Temporal namespace. */
export interface Names {
  taskQueue: string;
  migrateFleet: string;
  migrateShip(ship: string): string;
  verifyShip(ship: string): string;
}

/**
 * @param installation a prefix, so that two installations can share a namespace
 */
export function namesOf(installation?: string): Names {
  const prefix = installation ? `${installation}/` : '';
  return {
    taskQueue: installation ? `${installation}-fairlead-migration` : 'fairlead-migration',
    migrateFleet: `${prefix}migrate-fleet`,
    migrateShip: (ship) => `${prefix}migrate-ship/${ship}`,
    verifyShip: (ship) => `${prefix}verify-ship/${ship}`,
  };
}
