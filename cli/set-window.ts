import type { WorkflowHandle } from '@temporalio/client';
import type { Command } from 'commander';
import { FairleadError } from '../domain/errors.ts';
import { namesOf } from '../domain/names.ts';
import { connectTemporal } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { setWindow } from '../workflows/messages.ts';
import {
  addCommand,
  conclude,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { chunksInFlight } from './migration-options.ts';
import { sendToShip } from './steer.ts';
import { shellWord } from '../domain/shell-word.ts';

/** `fairlead set-window <ship> <n>` */
export function addSetWindow(program: Command): void {
  addCommand(program, {
    usage: 'set-window',
    summary: 'change the chunks in flight of a running migration',
    examples: ['fairlead set-window IMO9976903 4'],
  })
    .argument('<ship>', 'a ship id')
    .argument('<n>', 'chunks in flight', chunksInFlight)
    .action(async (ship: string, window: number, options: CommonOptions) => {
      conclude(await changeWindow(ship, window, options), options);
    });
}

async function changeWindow(
  ship: string,
  window: number,
  options: CommonOptions,
): Promise<Outcome> {
  const configuration = readConfiguration(options);
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(configuration.migration.installation);
  const send = (handle: WorkflowHandle) => handle.executeUpdate(setWindow, { args: [window] });
  if (!(await sendToShip(temporal, names, ship, send)))
    throw new FairleadError('usage-invalid', `no migration of ${ship} runs`, {
      hint: `to start it: fairlead migrate ${shellWord(ship)} --window ${window}`,
    });
  return { json: { ship, window }, text: `${ship}: ${window} chunks in flight` };
}
