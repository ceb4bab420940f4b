import type { Command } from 'commander';
import { resume } from '../workflows/messages.ts';
import { addSteering } from './steer.ts';

/** `fairlead resume <ship…>` */
export const addResume = (program: Command): void =>
  addSteering(program, {
    name: 'resume',
    summary: 'end a pause, and try at once what a migration waits for',
    update: resume,
    done: 'goes on',
  });
