/** Counts tokens as o200k_base does, which today's models are near to. The table is 2 MB: it is loaded when somebody asks. */
export async function loadTokenCounter(): Promise<(text: string) => number> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base')
  // What looks like a special token is text here.
  return (text) => countTokens(text, { disallowedSpecial: new Set() })
}
