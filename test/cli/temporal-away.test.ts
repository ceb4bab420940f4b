import { describe, expect, inject, it } from 'vitest';
import { commandWorld } from './command-world.ts';

const NOBODY = '127.0.0.1:1';

describe('without Temporal', () => {
  it.each([['migrate'], ['cancel']])(
    '%s ends with 75 within ten seconds, and says what to check',
    async (command) => {
      await using world = await commandWorld({ environment: { TEMPORAL_ADDRESS: NOBODY } });
      const startedAt = Date.now();
      const { exitCode, json } = await world.fairlead(command, 'IMO9976903', '--json');
      expect(Date.now() - startedAt).toBeLessThan(10_000);
      expect(exitCode).toBe(75);
      const { error } = json();
      expect(error.message).toBe(`no Temporal server answers at ${NOBODY}`);
      expect(error.hint).toContain('TEMPORAL_ADDRESS');
    },
  );

  it('status shows what the ledger says, and says so', async () => {
    await using world = await commandWorld({ environment: { TEMPORAL_ADDRESS: NOBODY } });
    const { exitCode, json, stderr } = await world.fairlead('status', '--json');
    expect(exitCode).toBe(0);
    expect(json()).toEqual({ ships: [], sensors: [] });
    expect(stderr).toContain(`no Temporal server answers at ${NOBODY}: this is what the ledger`);
  });

  it('a namespace that is not there is wrong configuration', async () => {
    await using world = await commandWorld({ environment: { TEMPORAL_NAMESPACE: 'nowhere' } });
    const { exitCode, json } = await world.fairlead('migrate', 'IMO9976903', '--json');
    expect(exitCode).toBe(2);
    expect(json().error.message).toBe(
      `the Temporal server at ${inject('temporalAddress')} has no namespace nowhere`,
    );
  });
});
