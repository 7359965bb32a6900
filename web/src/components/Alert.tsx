/** The group of an alert in one line. */
export function groupText(group: Record<string, string>): string {
  return Object.entries(group)
    .map(([dimension, value]) => `${dimension}=${value}`)
    .join(', ')
}
