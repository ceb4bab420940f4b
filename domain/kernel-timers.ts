/**
 * When Linux gives up on a connection whose peer is gone, with the settings that it comes with. Its timers are kept in
 * a wheel that is coarse for long ones (`kernel/time/timer.c`, since Linux 4.8), so the answer depends on HZ, the
 * jiffies in a second, and on the moment at which a timer was armed.
 *
 * @see docs/incidents.md#the-arithmetic
 */

/** The values of HZ that distributions build their kernels with. */
export const KERNEL_HZ = [100, 250, 300, 1_000] as const;
export type KernelHz = (typeof KERNEL_HZ)[number];

export const KEEPALIVE_TIME_SECONDS = 7_200;
export const KEEPALIVE_INTERVAL_SECONDS = 75;
export const KEEPALIVE_PROBES = 9;

/** Half-open at neither end: both were seen. */
export interface SecondsWindow {
  fromSeconds: number;
  toSeconds: number;
}

/** LVL_SIZE is 2^6, and the last of its buckets is spare. */
const BUCKETS = 63;
/** LVL_CLK_SHIFT is 3: each level is eight times as coarse as the one below. */
const COARSER = 8;

/** LVL_GRAN of the level that a timer of this length is put into; a level begins at 63 steps of the one below. */
export function granularityJiffies(delayJiffies: number): number {
  let step = 1;
  while (delayJiffies >= BUCKETS * step) step *= COARSER;
  return step;
}

/** The jiffy at which a timer fires: the next whole step of its level, never the one that it falls on exactly. */
export function firesAtJiffy(nowJiffies: number, delayJiffies: number): number {
  const step = granularityJiffies(delayJiffies);
  return (Math.floor((nowJiffies + delayJiffies) / step) + 1) * step;
}

/** How keepalive's defaults come out at one HZ. */
export interface KeepaliveTimer extends SecondsWindow {
  hz: KernelHz;
  /** What the two hours are rounded up to a multiple of. */
  stepSeconds: number;
  /** What the 75 s are rounded up to a multiple of, and what they become. */
  intervalStepSeconds: number;
  intervalSeconds: number;
  /** From the first probe to the end. */
  probingSeconds: number;
  /** How long a connection lasts that is opened right after the end of one like it: this many whole steps. */
  repeatedSteps: number;
  repeatedSeconds: number;
}

/** From the last sign of life of the peer to the end of the connection, at any moment of arming. */
export function keepaliveTimer(hz: KernelHz): KeepaliveTimer {
  const step = granularityJiffies(KEEPALIVE_TIME_SECONDS * hz);
  const interval = firesAtJiffy(0, KEEPALIVE_INTERVAL_SECONDS * hz);
  const probing = KEEPALIVE_PROBES * interval;
  const repeated = firesAtJiffy(probing, KEEPALIVE_TIME_SECONDS * hz);
  return {
    hz,
    stepSeconds: step / hz,
    intervalStepSeconds: granularityJiffies(KEEPALIVE_INTERVAL_SECONDS * hz) / hz,
    intervalSeconds: interval / hz,
    probingSeconds: probing / hz,
    fromSeconds: KEEPALIVE_TIME_SECONDS + probing / hz,
    toSeconds: KEEPALIVE_TIME_SECONDS + (step + probing) / hz,
    repeatedSteps: repeated / step,
    repeatedSeconds: repeated / hz,
  };
}

/** `tcp_retries2` = 15 stands for this long: 200 ms doubled up to 120 s, as `tcp_model_timeout` adds it up. */
export const RETRIES2_MODEL_SECONDS = 1_023 * 0.2 + 6 * 120;
const RTO_MIN_SECONDS = 0.2;
const RTO_MAX_SECONDS = 120;

/**
 * How long unacknowledged data are sent again until the connection is given up, with `tcp_retries2` = 15.
 *
 * @param armedAtJiffy when the data were written
 * @param rttJiffies the round trip before the path died: the first timeout is 200 ms longer
 */
export function retransmissionSeconds(hz: KernelHz, armedAtJiffy: number, rttJiffies = 0): number {
  let timeout = RTO_MIN_SECONDS * hz + rttJiffies;
  let now = firesAtJiffy(armedAtJiffy, timeout);
  const firstResent = now;
  const model = Math.round(RETRIES2_MODEL_SECONDS * 1_000) / 1_000;
  do {
    timeout = Math.min(2 * timeout, RTO_MAX_SECONDS * hz);
    now = firesAtJiffy(now, timeout);
  } while ((now - firstResent) / hz < model);
  return (now - armedAtJiffy) / hz;
}

/** How long retransmission lasts at one HZ. */
export interface RetransmissionTimer {
  hz: KernelHz;
  /** With a round trip of up to 5 ms. */
  near: SecondsWindow;
  /** With one of up to 50 ms, such as to a cloud in another country. */
  far: SecondsWindow;
}

const NEAR_RTTS_MS = [0, 1, 2, 3, 4, 5];
const FAR_RTTS_MS = [...NEAR_RTTS_MS, 10, 20, 30, 40, 50];

export const retransmissionTimer = (hz: KernelHz): RetransmissionTimer => ({
  hz,
  near: retransmissionWindow(hz, NEAR_RTTS_MS),
  far: retransmissionWindow(hz, FAR_RTTS_MS),
});

/** Every moment of arming is tried, on the grid of the coarsest level that takes part. */
function retransmissionWindow(hz: KernelHz, rttsMs: readonly number[]): SecondsWindow {
  let [fromSeconds, toSeconds] = [Number.POSITIVE_INFINITY, 0];
  const rtts = new Set(rttsMs.map((ms) => Math.ceil((ms * hz) / 1_000)));
  for (const rtt of rtts) {
    for (let moment = 0; moment < granularityJiffies(RTO_MAX_SECONDS * hz); moment++) {
      const seconds = retransmissionSeconds(hz, moment, rtt);
      fromSeconds = Math.min(fromSeconds, seconds);
      toSeconds = Math.max(toSeconds, seconds);
    }
  }
  return { fromSeconds, toSeconds };
}
