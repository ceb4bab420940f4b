import type { Command } from 'commander';
import { applyChange, getHealth } from '../../activities/sensor/rest/server-commands.ts';
import { healthRows } from '../../activities/sensor/rest/health-rows.ts';
import { addCommand, conclude, type Outcome } from '../command.ts';
import { renderTable } from '../table.ts';
import { addServerOptions, withServer, type ServerOptions } from './choose-server.ts';
import { saying } from './settings-commands.ts';

/** `fairlead sensr health` */
export function addHealth(sensr: Command): void {
  addServerOptions(
    addCommand(sensr, {
      usage: 'health',
      summary: 'how a sensor server, its nodes and sensors are; exit code 4 when one is not well',
      examples: ['fairlead sensr health', 'fairlead sensr health --sensor pier-3'],
    }),
  ).action(async (options: ServerOptions) => conclude(await health(options), options));
}

const health = (options: ServerOptions) =>
  withServer(options, async (client, signal): Promise<Outcome> => {
    const found = await getHealth(client, signal);
    const rows = healthRows(found);
    const isWell = rows.every((row) => row.isWell);
    return {
      json: { server: client.server, well: isWell, health: found },
      text: renderTable(
        ['part', 'state', ''].map((title) => ({ title })),
        rows.map((row) => [row.part, row.state, row.isWell ? '' : '← not well']),
      ),
      exitCode: isWell ? 0 : 4,
    };
  });

/** `fairlead sensr apply-change` */
export function addApplyChange(sensr: Command): void {
  addServerOptions(
    addCommand(sensr, {
      usage: 'apply-change',
      summary: 'make a sensor server use what was changed',
      examples: ['fairlead sensr apply-change'],
    }),
  ).action(async (options: ServerOptions) => conclude(await apply(options), options));
}

const apply = (options: ServerOptions) =>
  withServer(options, async (client, signal): Promise<Outcome> => {
    const answer = await applyChange(client, signal);
    return {
      json: { server: client.server, answer },
      text: `the changes are applied${saying(answer)}`,
    };
  });
