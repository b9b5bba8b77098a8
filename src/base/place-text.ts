/** A place in a file as compilers and editors write it: `where:line:column`, as far as it is known. */
export function placeText(place: {
  readonly where: string
  readonly line?: number | undefined
  readonly column?: number | undefined
}): string {
  return [place.where, place.line, place.column].filter((part) => part !== undefined).join(':')
}
