/** `17.2 billion`, `3.0 million`, `504,960`. */
export function formatMany(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} million`;
  return formatWhole(count);
}

export const formatWhole = (count: number): string => Math.round(count).toLocaleString('en-US');
