import { setCurrentDetails } from '@temporalio/workflow';
import type {
  FleetCheckpoint,
  FleetOutcome,
  FleetProgress,
  FleetReport,
  MigrateFleetInput,
} from '../domain/fleet-migration.ts';

type ShipInput = MigrateFleetInput['ships'][number];

/** Everything that a fleet's migration knows about itself. */
export class FleetState {
  readonly input: MigrateFleetInput;
  paused: boolean;
  private cancelled = false;
  private readonly started: Set<string>;
  private readonly inFlight = new Set<string>();
  private readonly outcomes: FleetOutcome[];

  constructor(input: MigrateFleetInput) {
    const { checkpoint } = input;
    this.input = input;
    this.paused = checkpoint?.paused ?? false;
    this.started = new Set(checkpoint?.started);
    this.outcomes = [...(checkpoint?.outcomes ?? [])];
  }

  /** The next ship to wait for: those that an earlier run started come first. */
  get next(): ShipInput | undefined {
    const open = this.input.ships.filter(({ request: { ship } }) => this.isOpen(ship));
    return open.find(({ request: { ship } }) => this.started.has(ship)) ?? open[0];
  }

  get hasRoom(): boolean {
    return !this.paused && this.inFlight.size < this.input.atOnce;
  }

  get isEmptied(): boolean {
    return this.inFlight.size === 0;
  }

  wasStarted(ship: string): boolean {
    return this.started.has(ship);
  }

  take(ship: string): void {
    this.inFlight.add(ship);
  }

  startedOrJoined(ship: string): void {
    this.started.add(ship);
    this.show();
  }

  ended(outcome: FleetOutcome): void {
    this.outcomes.push(outcome);
    this.show();
  }

  landed(ship: string): void {
    this.inFlight.delete(ship);
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
    this.show();
  }

  cancel(): void {
    this.cancelled = true;
    this.show();
  }

  get isCancelled(): boolean {
    return this.cancelled;
  }

  report(): FleetReport {
    return { ships: this.outcomes };
  }

  progress(): FleetProgress {
    const open = this.input.ships.map(({ request }) => request.ship);
    return {
      phase: this.phase,
      waitingToStart: open.filter((ship) => this.isOpen(ship)),
      running: [...this.inFlight],
      outcomes: this.outcomes,
    };
  }

  checkpoint(): FleetCheckpoint {
    return { started: [...this.started], outcomes: this.outcomes, paused: this.paused };
  }

  private get phase(): FleetProgress['phase'] {
    if (this.cancelled) return 'cancelled';
    if (this.outcomes.length === this.input.ships.length) return 'finished';
    return this.paused ? 'paused' : 'running';
  }

  private isOpen(ship: string): boolean {
    return !this.inFlight.has(ship) && !this.outcomes.some((outcome) => outcome.ship === ship);
  }

  private show(): void {
    const { phase, running, waitingToStart, outcomes } = this.progress();
    const rows = [
      ...outcomes.map(({ ship, end, failedChunks }) => `| ${ship} | ${end} | ${failedChunks} |`),
      ...running.map((ship) => `| ${ship} | running | |`),
    ];
    setCurrentDetails(
      [
        `**${phase}**, ${waitingToStart.length} ships still to start\n`,
        '| ship | migration | failed chunks |',
        '|---|---|---|',
        ...rows,
      ].join('\n'),
    );
  }
}
