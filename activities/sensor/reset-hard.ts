import type { Socket } from 'node:net';

/** Ends a TCP connection with RST, so that nothing of it stays on either side. */
export function resetHard(socket: Socket): void {
  socket.on('error', () => {});
  if (socket.destroyed) return;
  // While a FIN is on its way into the kernel, libuv refuses an RST, and Node would lose the handle.
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
