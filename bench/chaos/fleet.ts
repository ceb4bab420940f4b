import { setTimeout as sleep } from 'node:timers/promises';
import { fleetShips } from '../../domain/made-up-fleet.ts';
import { formatInstant, HOUR_US, parseInstant, type EpochUs } from '../../domain/time.ts';
import type { Command, Outcome } from '../soak/processes.ts';
import { seeded } from '../soak/seeded.ts';
import type { ChaosStack } from './chaos-stack.ts';

export interface FleetOptions {
  ships: number;
  /** Hours of a leg: what is generated, and migrated, at a time. */
  legHours: number;
  /** When all of them are migrated, they are migrated again. */
  mostLegs: number;
  width: string;
  window: number;
  seed: number;
}

/** One migration of one ship, with all the commands that it took. */
export interface Round {
  ship: string;
  from: string;
  to: string;
  redo: boolean;
  startedAtMs: number;
  seconds: number;
  commands: number;
}

const START_US = parseInstant('2025-06-15T00:00Z');
const REPEAT_MS = 300;
/** How often a ship that has more to do does what is proven already once more. */
const REDO_SHARE = 0.5;

/** Ships that migrate all the time, as by people who type the same command again whenever it ends too early. */
export class Fleet {
  readonly ships: string[];
  readonly rounds: Round[] = [];
  /** Ends of commands that no fault explains. */
  readonly complaints: string[] = [];
  /** The command that waits for a ship now. */
  readonly waiting = new Map<string, Command>();
  /** How many legs of each ship are whole. */
  readonly legsDone = new Map<string, number>();
  private readonly legs: Promise<void>[] = [];
  private readonly stack: ChaosStack;
  private readonly options: FleetOptions;
  private giveUpAtMs = Infinity;

  constructor(stack: ChaosStack, options: FleetOptions) {
    this.stack = stack;
    this.options = options;
    this.ships = fleetShips(options.ships);
  }

  /** Makes the cells of a leg, for all ships, once. */
  generated(leg: number): Promise<void> {
    return (this.legs[leg] ??= this.generate(leg));
  }

  /** Migrates until the signal, and then what was begun to its end. */
  async migrateUntil(stop: AbortSignal): Promise<void> {
    await Promise.all(this.ships.map((ship, index) => this.migrateShip(ship, index, stop)));
  }

  giveUpIn(ms: number): void {
    this.giveUpAtMs = Date.now() + ms;
  }

  /** What a ship has in the target in the end. */
  rangeOf(ship: string): { from: string; to: string } {
    const { from } = this.legRange(0, 1);
    return { from, to: this.legRange(0, this.legsDone.get(ship) ?? 0).to };
  }

  /** The hours that the ship may be at now. */
  hoursOf(ship: string): { from: string; to: string } {
    return this.legRange(0, (this.legsDone.get(ship) ?? 0) + 1);
  }

  private async migrateShip(ship: string, index: number, stop: AbortSignal): Promise<void> {
    const random = seeded(this.options.seed * 1_000 + index);
    while (!stop.aborted) {
      const done = this.legsDone.get(ship) ?? 0;
      const hasMore = done < this.options.mostLegs;
      if (hasMore && (done === 0 || random() > REDO_SHARE)) {
        await this.generated(done);
        if (stop.aborted && done > 0) return;
        if (done + 1 < this.options.mostLegs) void this.generated(done + 1);
        await this.migrate(ship, this.legRange(done, done + 1), false);
        this.legsDone.set(ship, done + 1);
      } else {
        const first = Math.floor(random() * done);
        const last = Math.min(done, first + 1 + Math.floor(random() * 2));
        await this.migrate(ship, this.legRange(first, last), true);
      }
    }
  }

  private legRange(first: number, after: number): { from: string; to: string } {
    const at = (leg: number): EpochUs => START_US + leg * this.options.legHours * HOUR_US;
    return { from: formatInstant(at(first)), to: formatInstant(at(after)) };
  }

  private async migrate(
    ship: string,
    { from, to }: { from: string; to: string },
    redo: boolean,
  ): Promise<void> {
    const startedAtMs = Date.now();
    const { width, window } = this.options;
    const words = ['migrate', ship, '--from', from, '--to', to, '--width', width];
    words.push('--window', String(window), '--json', ...(redo ? ['--redo'] : []));
    for (let commands = 1; ; commands++) {
      const command = this.stack.command(...words);
      this.waiting.set(ship, command);
      const outcome = await command.outcome;
      this.waiting.delete(ship);
      const end = this.endOf(ship, outcome);
      if (end === 'finished') {
        const seconds = (Date.now() - startedAtMs) / 1_000;
        this.rounds.push({ ship, from, to, redo, startedAtMs, seconds, commands });
        return;
      }
      if (Date.now() > this.giveUpAtMs)
        throw new Error(`${ship} did not come to its end: ${outcome.stderr.trim().slice(-300)}`);
      await sleep(end === 'must act' ? 3 * REPEAT_MS : REPEAT_MS);
    }
  }

  /** Killed, cancelled, away or told to act: the same command again is what a person types. */
  private endOf(ship: string, { exitCode, stdout, stderr }: Outcome): string {
    if (exitCode === 0) return phaseIn(stdout);
    if (exitCode === 3) return 'must act';
    if (exitCode === 75 || exitCode === null) return 'away';
    this.complaints.push(
      `migrate ${ship} ended with ${exitCode}: ${(stderr.trim() || stdout.trim()).slice(-600)}`,
    );
    return exitCode === 4 ? 'finished' : 'wrong';
  }

  private async generate(leg: number): Promise<void> {
    const { ships, legHours } = this.options;
    const { from } = this.legRange(leg, leg + 1);
    const words = ['generate', '--ships', String(ships), '--hours', String(legHours)];
    for (;;) {
      const command = this.stack.command(...words, '--from', from, '--config', 'generate.toml');
      const { exitCode, stderr } = await command.outcome;
      if (exitCode === 0) return;
      if (exitCode !== 75)
        this.complaints.push(`generate ended with ${exitCode}: ${stderr.trim().slice(-600)}`);
      await sleep(REPEAT_MS);
    }
  }
}

function phaseIn(stdout: string): string {
  try {
    return (JSON.parse(stdout) as { ships: { phase: string }[] }).ships[0]?.phase ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
