/*
 * Loaded into a `sensor hold` before its own modules (`node --import`): SIGUSR2 blocks its event loop for two seconds,
 * as a long computation, a swapped-out page or a slow disk does.
 */

const STALL_MS = 2_000;
const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));

process.on('SIGUSR2', () => void Atomics.wait(nobodyWakes, 0, 0, STALL_MS));
