import type { CliContext } from '../context.ts'
import { printResult } from '../run.ts'

/** `orch completion` */
export async function completion(cli: CliContext, input: Readonly<Record<string, unknown>>): Promise<number> {
  printResult(cli, { script: SCRIPTS[input.shell as keyof typeof SCRIPTS] }, { type: 'text', field: 'script' })
  return 0
}

/** What the shells run; what there is to choose from, `orch __complete` says. */
const SCRIPTS = {
  // The line goes over whole: bash cuts words at = and :, which are parts of ours.
  bash: `# bash completion for orch
_orch() {
  local line
  COMPREPLY=()
  compopt -o nosort 2>/dev/null
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      :dirs) compopt -o dirnames 2>/dev/null ;;
      *) COMPREPLY+=("$line") ;;
    esac
  done < <(command orch __complete bash "$COMP_TYPE" "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _orch orch
`,
  zsh: `#compdef orch
# zsh completion for orch
_orch() {
  local line
  local -a items
  while IFS= read -r line; do
    case $line in
      :files) _files; return ;;
      :dirs) _files -/; return ;;
      *) items+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <(command orch __complete zsh "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
  _describe -V orch items
}
if [ "$funcstack[1]" = _orch ]; then
  _orch "$@"
else
  compdef _orch orch
fi
`,
  fish: `# fish completion for orch
function __orch_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    for line in (command orch __complete fish $words -- "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':dirs'
                __fish_complete_directories "$current" ''
            case '*'
                printf '%s\\n' $line
        end
    end
end
complete -c orch -f -k -a '(__orch_complete)'
`,
} as const
