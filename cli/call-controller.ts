import { setMaxListeners } from 'node:events';

/**
 * For calls that are repeated for as long as something is watched: Temporal's client puts a listener on the signal at
 * each of them and takes none away, of which Node would warn the user at the eleventh.
 */
export function callController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
