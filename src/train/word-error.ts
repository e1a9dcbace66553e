/** Words lie between spaces, one or more. */
export const wordsOf = (text: string): string[] => text.split(" ").filter(Boolean);

/** Words to insert, leave out or replace until `heard` is `said` (Levenshtein). */
export function distance(said: readonly string[], heard: readonly string[]): number {
  let before = Array.from({ length: heard.length + 1 }, (_, n) => n);
  for (const [row, word] of said.entries()) {
    const now = [row + 1];
    for (const [column, other] of heard.entries()) {
      const replaced = before[column]! + (word === other ? 0 : 1);
      now.push(Math.min(replaced, before[column + 1]! + 1, now[column]! + 1));
    }
    before = now;
  }
  return before[heard.length]!;
}
