import { reportOfRange, type FailedRangeReport } from '../../domain/diagnosis.ts';
import type { LegacyRange } from '../../domain/legacy-failures.ts';
import { formatPostProc } from '../../domain/post-proc.ts';
import { print } from './print.ts';
import { WholeFile } from './write-whole.ts';

/**
 * Where the ranges go while the logs are read, so that none has to be kept: the lines of `post_proc.csv`, and the list
 * that the JSON document begins with. A report keeps the first ones.
 */
export class RangeOutputs implements AsyncDisposable {
  readonly first: FailedRangeReport[] = [];
  readonly #most: number;
  readonly #csv: WholeFile | undefined;
  readonly #isJson: boolean;
  #csvText = '';
  #jsonText = '';
  #separator = '';
  /** What is printed can no longer be taken back. */
  hasBegunJson = false;

  private constructor(most: number, csv: WholeFile | undefined, isJson: boolean) {
    this.#most = most;
    this.#csv = csv;
    this.#isJson = isJson;
  }

  /** @param most how many ranges a report shows */
  static async open(most: number, csv: string | undefined, isJson: boolean): Promise<RangeOutputs> {
    return new RangeOutputs(most, csv === undefined ? csv : await WholeFile.open(csv), isJson);
  }

  readonly add = (range: LegacyRange): void => {
    if (this.#csv && range.ship !== '') this.#csvText += formatPostProc(range);
    if (!this.#isJson && this.first.length >= this.#most) return;
    const report = reportOfRange(range);
    if (this.first.length < this.#most) this.first.push(report);
    if (!this.#isJson) return;
    this.#jsonText += `${this.#separator}${JSON.stringify(report)}`;
    this.#separator = ',';
  };

  /** Writes what was added; to be awaited before more is read. */
  async flush(): Promise<void> {
    const [csv, json] = [this.#csvText, this.#jsonText];
    this.#csvText = '';
    this.#jsonText = '';
    if (csv !== '') await this.#csv?.write(csv);
    if (json !== '') await this.#printJson(json);
  }

  async finishCsv(): Promise<void> {
    await this.flush();
    await this.#csv?.finish();
  }

  /** @param rest what the document holds beside the ranges */
  finishJson(rest: object): Promise<void> {
    return this.#printJson(`],${JSON.stringify(rest).slice(1)}\n`);
  }

  async #printJson(text: string): Promise<void> {
    await print(this.hasBegunJson ? text : `{"ranges":[${text}`);
    this.hasBegunJson = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#csv?.[Symbol.asyncDispose]();
  }
}
