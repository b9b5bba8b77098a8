/** Whether two globs of paths (`*`, `?` inside a name, `**` for any folders) can mean a file in common. A folder means all below it. */
export function globsOverlap(a: string, b: string): boolean {
  return foldersOverlap(segments(a), segments(b))
}

/** Says why a text cannot be a glob of files below the repository; undefined when it can. */
export function checkGlob(text: string): string | undefined {
  if (text === '' || text.length > 300) return 'it must have 1 to 300 characters'
  if (/[\p{Cc}\\]/u.test(text)) return 'it has characters that no path here has'
  const parts = text.split('/')
  if (text.startsWith('/') || parts.includes('..')) return 'it must be a path below the repository'
  return parts.length > 32 ? 'it has too many folders' : undefined
}

function segments(glob: string): readonly string[] {
  const parts = glob.split('/').filter((part) => part !== '' && part !== '.')
  return parts.at(-1) === '**' ? parts : [...parts, '**']
}

function foldersOverlap(a: readonly string[], b: readonly string[]): boolean {
  const known = new Map<number, boolean>()
  const from = (i: number, j: number): boolean => {
    const key = i * 64 + j
    const before = known.get(key)
    if (before !== undefined) return before
    known.set(key, false)
    const [x, y] = [a[i], b[j]]
    let found: boolean
    if (x === undefined && y === undefined) found = true
    else if (x === '**') found = from(i + 1, j) || (y !== undefined && from(i, j + 1))
    else if (y === '**') found = from(i, j + 1) || (x !== undefined && from(i + 1, j))
    else found = x !== undefined && y !== undefined && namesOverlap(x, y) && from(i + 1, j + 1)
    known.set(key, found)
    return found
  }
  return from(0, 0)
}

function namesOverlap(a: string, b: string): boolean {
  const [x, y] = [[...a], [...b]]
  let row: boolean[] = Array.from({ length: y.length + 1 }, (_, j) => y.slice(0, j).every((one) => one === '*'))
  for (let i = 1; i <= x.length; i++) {
    const next: boolean[] = [row[0] === true && x[i - 1] === '*']
    for (let j = 1; j <= y.length; j++) {
      const [c, d] = [x[i - 1], y[j - 1]]
      if (c === '*' || d === '*') next[j] = row[j] === true || next[j - 1] === true || row[j - 1] === true
      else next[j] = row[j - 1] === true && (c === d || c === '?' || d === '?')
    }
    row = next
  }
  return row[y.length] === true
}
