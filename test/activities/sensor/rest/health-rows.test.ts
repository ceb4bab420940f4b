import { expect, it } from 'vitest';
import { healthRows } from '../../../../activities/sensor/rest/health-rows.ts';

it('tells what is not well, by names and by numbers, in nodes, their sensors and edges', () => {
  const rows = healthRows({
    master: 5,
    nodes: {
      a: { status: 'OK', sensors: { '/one': 'SENSOR_ALIVE', '/two': 'DEAD' } },
      b: { status: 1, edges: { e: { status: 'LOST_CONNECTION', sensors: { three: 1 } } } },
      c: 'not OK',
    },
  });
  const unwell = rows.filter(({ isWell }) => !isWell).map(({ part, state }) => `${part} ${state}`);
  expect(unwell).toEqual(['server 5', 'a/two DEAD', 'b/e LOST_CONNECTION', 'c not OK']);
  expect(rows.map(({ part }) => part)).toContain('b/e/three');
  expect(healthRows({}).map(({ isWell }) => isWell)).toEqual([false]);
});
