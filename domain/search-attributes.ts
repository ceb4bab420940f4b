/** By name and type; a namespace on SQL visibility has three of type Int at most, of both halves together. */
export type SearchAttributeTypes = Readonly<
  Record<string, 'Keyword' | 'Int' | 'Double' | 'Datetime'>
>;

export const migrationSearchAttributes = {
  ShipId: 'Keyword',
  MigrationPhase: 'Keyword',
  PercentDone: 'Double',
  MigratedThrough: 'Datetime',
  FailedChunks: 'Int',
} as const satisfies SearchAttributeTypes;

export const sensorSearchAttributes = {
  SensorName: 'Keyword',
  ConnectionState: 'Keyword',
  Reconnects: 'Int',
} as const satisfies SearchAttributeTypes;
