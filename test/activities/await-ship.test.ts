import { Client, Connection } from '@temporalio/client';
import { expect, it } from 'vitest';
import { applicationFailureOf } from '../../activities/application-failure-of.ts';
import { awaitShip } from '../../activities/await-ship.ts';
import { anyFreePort } from '../../workers/stack/choose-port.ts';

it('is tried again after Temporal was away, and does not give the ship up', async () => {
  const address = `127.0.0.1:${await anyFreePort()}`;
  // Without the interceptor that repeats a call for half a minute.
  const connection = Connection.lazy({ address, interceptors: [] });
  const { workflow } = new Client({ connection });
  const input = { ship: 'IMO9976903', workflowId: 'migrate-ship/IMO9976903' };
  const failure = await awaitShip(input, workflow).catch(applicationFailureOf);
  expect(failure).toMatchObject({
    type: 'temporal-unreachable',
    nonRetryable: false,
    message: expect.stringMatching(/^IMO9976903: .*: .*UNAVAILABLE/),
  });
  await connection.close();
});
