/** What `body` warns about. */
export async function warnings(body: () => Promise<void>): Promise<string[]> {
  const found: string[] = [];
  const { warn } = console;
  console.warn = (text: string) => found.push(text);
  try {
    await body();
  } finally {
    console.warn = warn;
  }
  return found;
}
