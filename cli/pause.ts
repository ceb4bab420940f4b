import type { Command } from 'commander';
import { pause } from '../workflows/messages.ts';
import { addSteering } from './steer.ts';

/** `fairlead pause <ship…>` */
export const addPause = (program: Command): void =>
  addSteering(program, {
    name: 'pause',
    summary: 'start no more chunks of a migration; those in flight are finished',
    update: pause,
    done: 'paused; to go on: fairlead resume',
  });
