declare module 'pgpass' {
  import type { Stream } from 'node:stream';

  interface Address {
    host?: string;
    port?: number | string;
    database?: string;
    user?: string;
  }
  function pgpass(address: Address, done: (password: string | undefined) => void): void;
  namespace pgpass {
    /** Where its warnings go. */
    function warnTo(stream: Stream): void;
  }
  export default pgpass;
}
