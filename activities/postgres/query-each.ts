import { Query, type ClientBase, type Connection, type QueryResult } from 'pg';

export type Answer = { result: QueryResult } | { error: Error };

/**
 * Runs statements in one round trip, each one on its own: what one of them is refused, the others are granted.
 * They go out together; their answers come one after the other.
 *
 * @returns as many answers as statements, in their order
 */
export function queryEach(client: ClientBase, statements: readonly string[]): Promise<Answer[]> {
  return new Promise((resolve) => {
    const answers: Answer[] = [];
    const awaitNext = () => {
      if (answers.length === statements.length) return resolve(answers);
      const toSend = answers.length === 0 ? statements : [];
      client.query(
        new Sent(toSend, (error, result) => {
          answers.push(error ? { error } : { result });
          awaitNext();
        }),
      );
    };
    awaitNext();
  });
}

/** A query whose text is on its way already, unless it is the first, which sends those of all. */
class Sent extends Query {
  constructor(
    toSend: readonly string[],
    callback: (error: Error | undefined, result: QueryResult) => void,
  ) {
    super({ text: '' }, callback);
    this.submit = (connection) => {
      const { query, stream } = connection as unknown as SimpleProtocol;
      stream.cork();
      for (const text of toSend) query.call(connection, text);
      stream.uncork();
    };
  }
}

interface SimpleProtocol {
  query: (this: Connection, text: string) => void;
  stream: { cork(): void; uncork(): void };
}
