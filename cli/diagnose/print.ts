import { once } from 'node:events';

/** As fast as the reader of stdout takes it. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
