/** Takes one line for the person who waits: what is going on, without a secret and without a line end. */
export type Report = (line: string) => void;
