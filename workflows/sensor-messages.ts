import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ConnectionChange, SessionView } from '../domain/sensor-session.ts';

/** Closes the connection, finishes the recording, and ends the session. */
export const stop = defineUpdate<void>('stop');
/** Closes the connection that is open and opens another; while it waits, tries at once. */
export const reconnect = defineUpdate<void>('reconnect');

/** From `holdConnection`, when its state changes. */
export const connectionChanged = defineSignal<[change: ConnectionChange]>('connectionChanged');

export const session = defineQuery<SessionView>('session');

export const sensorName = defineSearchAttributeKey('SensorName', SearchAttributeType.KEYWORD);
export const connectionState = defineSearchAttributeKey(
  'ConnectionState',
  SearchAttributeType.KEYWORD,
);
export const reconnects = defineSearchAttributeKey('Reconnects', SearchAttributeType.INT);
