import { complaint } from './run-git.ts'

/** Why a remote does not take part, in words for a person, and what to do about it. */
export interface RemoteFailure {
  readonly reason: string
  readonly remedy: string
}

interface Known {
  readonly said: RegExp
  readonly what: string
  readonly remedy: (names: { readonly remote: string; readonly branch: string }) => string
}

const LATER = 'Nothing is lost: what is here goes with the next try.'

/** What git and the hosts say, the most telling first: an ssh that is refused also says that it could not read. */
const KNOWN: readonly Known[] = [
  {
    said: /shallow update not allowed|shallow file has changed/i,
    what: 'a clone without its whole past cannot be taken over',
    remedy: ({ remote }) => `Fetch what is missing with \`git fetch --unshallow ${remote}\`. ${LATER}`,
  },
  {
    said: /protected branch|GH006|GH013|not allowed to push|pre-receive hook declined|push declined|hook declined|rule violations/i,
    what: 'it does not let this branch be pushed to',
    remedy: ({ branch }) =>
      `Let those who work here push to ${branch} in the host's branch rules (without a pull request, and never by force). ${LATER}`,
  },
  {
    said: /refusing to update checked out branch|branch is currently checked out|denyCurrentBranch/i,
    what: 'the branch is checked out there',
    remedy: ({ branch }) => `Switch to another branch in that work tree: nobody has to check ${branch} out. ${LATER}`,
  },
  {
    said: /Host key verification failed/i,
    what: 'its host key is not known here',
    remedy: ({ remote }) => `Run \`git fetch ${remote}\` once at a terminal and check the key that it shows. ${LATER}`,
  },
  {
    said: /Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied \(|Permission to .* denied|access denied|error: 40[13]|HTTP (Basic|40[13])|Invalid (username|credentials)|not authorized|403 Forbidden/i,
    what: 'it does not accept the credentials that git has here, or asks for some',
    remedy: ({ remote }) =>
      `Let git remember them, so that \`git fetch ${remote}\` and \`git push\` ask nothing: an ssh key in the agent, or a credential helper. ${LATER}`,
  },
  {
    said: /repository .*not found|does not exist|error: 404/i,
    what: 'there is no such repository, or it is not shown to you',
    remedy: ({ remote }) => `Check its address with \`git remote get-url ${remote}\`, and your rights there. ${LATER}`,
  },
  {
    said: /does not appear to be a git repository|No such remote|No configured push destination|remote .* not found/i,
    what: 'git knows no such remote here',
    remedy: () =>
      `See \`git remote -v\`; name another with \`orch remote set\`, or add it with \`git remote add\`. ${LATER}`,
  },
  {
    said: /No space left|quota|insufficient permission for adding an object|unable to create temporary/i,
    what: 'its disk, or its rights on files, do not take what is pushed',
    remedy: () => `Tell whoever keeps it. ${LATER}`,
  },
  {
    said: /cannot lock ref|Unable to create '.*\.lock'|\.lock': File exists/i,
    what: 'another git holds a lock',
    remedy: () => `If no git is running here, one that crashed left the lock there. ${LATER}`,
  },
  {
    said: /Could not resolve|unable to access|Connection (refused|timed out|reset|closed)|timed out|unreachable|Could not read from remote|no answer within|early EOF|hung up|unexpected disconnect|error: 5\d\d/i,
    what: 'it is not reached',
    remedy: () =>
      `Check the network. It is tried again by itself; links to other replicas and work here go on. ${LATER}`,
  },
]

/** Reads what git said when a fetch or push failed. */
export function remoteFailure(
  said: string,
  { remote, ref }: { readonly remote: string; readonly ref: string },
): RemoteFailure {
  const branch = ref.replace(/^refs\/heads\//, '')
  const known = KNOWN.find((one) => one.said.test(said))
  const line = withoutSecrets(lineOf(said, known?.said))
  return known
    ? { reason: `${known.what} ("${line}")`, remedy: known.remedy({ remote, branch }) }
    : { reason: line, remedy: `Try \`git fetch ${remote} ${branch}\` to see all that git says. ${LATER}` }
}

/** The line that tells why, as git or the host said it. */
function lineOf(said: string, telling: RegExp | undefined): string {
  const lines = telling ? said.split('\n').filter((one) => telling.test(one)) : []
  const line = lines.find((one) => one.startsWith('remote:')) ?? lines[0]
  return (line ?? complaint(said))
    .replace(/^(remote|fatal|error|!\t\S+\t|\s)+:?\s*/, '')
    .trim()
    .slice(0, 300)
}

/** Addresses may hold a password. */
function withoutSecrets(line: string): string {
  return line.replace(/(\w+:\/\/)[^/@\s]*@/g, '$1')
}
