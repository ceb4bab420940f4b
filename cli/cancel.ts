import type { Command } from 'commander';
import { cancel } from '../workflows/messages.ts';
import { addSteering } from './steer.ts';
import { endVerification } from './verification-run.ts';

/** `fairlead cancel <ship…>` */
export const addCancel = (program: Command): void =>
  addSteering(program, {
    name: 'cancel',
    summary:
      'end a migration, or else a verification; chunks in flight are rolled back, what is proven stays',
    update: cancel,
    done: 'cancelled; what is proven stays, and fairlead migrate goes on from there',
    otherwise: {
      what: 'verification',
      act: endVerification,
      done: 'no migration runs; the verification that did was cancelled, and fairlead verify begins anew',
    },
  });
