import { TypedSearchAttributes } from '@temporalio/common';
import type { SensorSessionInput } from '../domain/sensor-session.ts';
import { connectionState, reconnects, sensorName } from './sensor-messages.ts';

export interface SessionHeader {
  staticSummary: string;
  staticDetails: string;
  typedSearchAttributes: TypedSearchAttributes;
}

/** What a session's start tells the Temporal UI, also while no worker runs. */
export function sessionHeader({ sensor }: SensorSessionInput): SessionHeader {
  return {
    staticSummary: `${sensor}: its stream, held open and recorded`,
    staticDetails: [
      `Holds the stream of **${sensor}** open and records it, until \`fairlead sensor stop ${sensor}\`.`,
      `How it does: _Current Details_ on this page, or \`fairlead sensor status ${sensor}\` in a terminal.`,
      'Where they are empty, no worker answers: `fairlead up`, or `fairlead worker --queue sensor`.',
    ].join('\n\n'),
    typedSearchAttributes: new TypedSearchAttributes([
      { key: sensorName, value: sensor },
      { key: connectionState, value: 'connecting' },
      { key: reconnects, value: 0 },
    ]),
  };
}
