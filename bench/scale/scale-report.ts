import { renderTable } from '../../cli/table.ts';
import type { LaidOut } from './lay-out-plan.ts';
import type { Sample } from './run-sample.ts';

export interface ScaleReport {
  setting: {
    ships: number;
    chunksOfShip: number;
    shipsAtOnce: number;
    workers: number;
    slots: number;
    sleepMs: number;
  };
  layOut?: LaidOut;
  sample?: Sample;
}

/** For people; `--json` has all of it. */
export function tableOf({ setting, layOut, sample }: ScaleReport): string {
  const title = `${setting.ships} ships of ${setting.chunksOfShip} chunks, ${setting.shipsAtOnce} at once, ${setting.workers} workers of ${setting.slots} slots, ${setting.sleepMs} ms a chunk`;
  const rows = [...(layOut ? rowsOfLayOut(layOut) : []), ...(sample ? rowsOfSample(sample) : [])];
  const columns = [{ title: 'what' }, { title: 'figure', align: 'right' as const }];
  return `${title}\n\n${renderTable(columns, rows, 120)}`;
}

type Row = [what: string, figure: string];

const rowsOfLayOut = (laidOut: LaidOut): Row[] => [
  ['chunks laid out without Temporal', String(laidOut.chunks)],
  ['seconds to plan all ships', laidOut.planSeconds.toFixed(1)],
  ['seconds to lay out all chunks', laidOut.layOutSeconds.toFixed(1)],
  ['milliseconds for a batch', ((laidOut.layOutSeconds / laidOut.batches) * 1_000).toFixed(1)],
];

function rowsOfSample(sample: Sample): Row[] {
  const { perChunk, status, fleet } = sample;
  const perSecond = sample.chunks / sample.seconds;
  return [
    ['seconds until all ships were planned', sample.plannedSeconds.toFixed(1)],
    ['chunks in the sample', String(sample.chunks)],
    ['chunks a second', perSecond.toFixed(1)],
    ['state transitions a second', (perSecond * perChunk.stateTransitions).toFixed(0)],
    ['state transitions a chunk', perChunk.stateTransitions.toFixed(2)],
    ['history events a chunk', perChunk.events.toFixed(2)],
    ['most history events of a run', String(sample.mostEvents)],
    ['runs', String(sample.runs)],
    ['bytes a chunk, Temporal', perChunk.temporalBytes.toFixed(0)],
    ['bytes a chunk, ledger', perChunk.ledgerBytes.toFixed(0)],
    ['CPU ms a chunk, Temporal', perChunk.temporalCpuMs.toFixed(2)],
    ['CPU ms a chunk, PostgreSQL', perChunk.postgresCpuMs.toFixed(2)],
    ['CPU ms a chunk, worker', perChunk.workerCpuMs.toFixed(2)],
    ['seconds of status, planned', status.planned.seconds.toFixed(2)],
    ['bytes of status, planned', String(status.planned.bytes)],
    ['seconds of status, at the end', status.end.seconds.toFixed(2)],
    ['bytes of status, at the end', String(status.end.bytes)],
    ["bytes of the fleet's query", String(fleet.queryBytes)],
    ["bytes of the fleet's memo", String(fleet.memoBytes)],
    ["bytes of the fleet's input", String(fleet.inputBytes)],
  ];
}
