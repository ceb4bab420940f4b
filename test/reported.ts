/** Collects the lines that a person would read, and lets a test wait for one of them. */
export function reported() {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  return {
    lines,
    report: (line: string): void => {
      lines.push(line);
      for (const look of waiting) look();
    },
    waitFor: (pattern: RegExp): Promise<void> =>
      new Promise((resolve) => {
        const look = () => {
          if (!lines.some((line) => pattern.test(line))) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}
