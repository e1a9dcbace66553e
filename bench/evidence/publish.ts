export function publish(results: readonly unknown[]): boolean {
  console.log(results.length);
  return true;
}
