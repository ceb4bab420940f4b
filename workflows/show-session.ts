import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { SessionView } from '../domain/sensor-session.ts';
import { sessionDetails } from '../domain/session-details.ts';
import { connectionState, reconnects, sensorName } from './sensor-messages.ts';

/**
 * Shows how a session does in the Temporal UI: details at every call; search attributes, which cost a history event
 * each time, when they differ.
 *
 * @returns the function to call with each change
 */
export function sessionDisplay(): (view: SessionView) => void {
  let shown: SessionView | undefined;
  return (view) => {
    setCurrentDetails(sessionDetails(view));
    if (shown?.state === view.state && shown.reconnects === view.reconnects) return;
    shown = view;
    upsertSearchAttributes([
      { key: sensorName, value: view.sensor },
      { key: connectionState, value: view.state },
      { key: reconnects, value: view.reconnects },
    ]);
  };
}
