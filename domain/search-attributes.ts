/** The search attributes of a migration, by name and type; a namespace on SQL visibility has three of type Int at most. */
export const migrationSearchAttributes = {
  ShipId: 'Keyword',
  MigrationPhase: 'Keyword',
  PercentDone: 'Double',
  MigratedThrough: 'Datetime',
  FailedChunks: 'Int',
} as const;
