/**
 * Every way orch can refuse, in one table. CLI exit codes, HTTP statuses, GraphQL and MCP errors and `docs/errors.md`
 * are read from it. A message says what and which record; a hint says what to do next and never holds a destructive
 * command.
 *
 * Exit codes by group: 1 a bug, 2 bad input, 3 not found, 4 refused by the state as it is now, 5 the repository,
 * 6 the disk, 7 the daemon, 8 not allowed.
 */
interface Code {
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8
  readonly http: number
  /** What happened, with `{names}` filled from the error's data. */
  readonly message: string
  /** What to do next. */
  readonly hint: string
}

const define = <T extends Record<string, Code>>(table: T): { readonly [K in keyof T]: Code } => table

export const errorCodes = define({
  internal: {
    exit: 1,
    http: 500,
    message: 'Something that should not happen: {reason}',
    hint: 'This is a bug in orch. The daemon log has the details; please report it with them.',
  },

  usage: { exit: 2, http: 400, message: '{reason}', hint: 'See `orch help` or add --help to the command.' },
  invalid_input: {
    exit: 2,
    http: 400,
    message: 'Invalid {field}: {reason}',
    hint: 'Correct the value and try again; nothing was changed.',
  },
  invalid_status: { exit: 2, http: 400, message: 'There is no status "{value}"', hint: 'Use one of: {allowed}.' },
  dependency_cycle: {
    exit: 2,
    http: 422,
    message: 'This dependency would close a circle: {path}',
    hint: 'Remove one of the dependencies in the circle first; nothing was changed.',
  },
  text_not_found: {
    exit: 2,
    http: 422,
    message: 'The text to replace is not in {id}',
    hint: 'Show the record, take the text exactly as it stands there, and try again.',
  },
  text_not_unique: {
    exit: 2,
    http: 422,
    message: 'The text to replace is {count} times in {id}',
    hint: 'Give more of the surrounding text so that it is found once, or say with count how many times it is there.',
  },
  heading_not_found: {
    exit: 2,
    http: 422,
    message: 'There is no heading "{heading}" in {id}; there are: {headings}',
    hint: 'Give one of them, or append a text that brings the heading with it.',
  },
  base_required: {
    exit: 2,
    http: 428,
    message: 'What would take the place of text in {id} must name the text it was made from',
    hint: 'Read it, and send its hash, {hash}, as base. To add or replace a piece needs none.',
  },
  invalid_file: {
    exit: 2,
    http: 422,
    message: '{id}, line {line}, column {column}: {reason}',
    hint: 'Correct the text and try again; nothing was changed.',
  },
  too_large: {
    exit: 2,
    http: 413,
    message: '{what} is {size} bytes; the limit is {limit}',
    hint: 'Make it smaller or split it; nothing was changed.',
  },
  invalid_config: { exit: 2, http: 400, message: '{file}: {reason}', hint: '{suggestion}' },
  update_malformed: {
    exit: 2,
    http: 400,
    message: 'The update is not a Yjs update',
    hint: 'Nothing was applied. Send updates in encoding V1, as y-websocket does.',
  },
  import_failed: {
    exit: 2,
    http: 422,
    message: 'Cannot import {path}: {reason}',
    hint: 'Check the path and the format; a dry run shows what would be imported.',
  },

  sql_failed: {
    exit: 2,
    http: 422,
    message: 'The query was not answered: {reason}',
    hint: 'Only SELECT is allowed, on the tables that docs/queries.md names; nothing was changed.',
  },

  record_not_found: {
    exit: 3,
    http: 404,
    message: 'There is no {kind} "{id}"',
    hint: 'List the records of this kind to see their ids.',
  },
  moment_unknown: {
    exit: 3,
    http: 404,
    message: 'Nothing is known here of the moment "{moment}"',
    hint: 'Give a time (2026-11-23T08:30, "2h ago", yesterday), a commit or change of `orch history`, or a session. What another replica has must come here first.',
  },
  plan_stale: {
    exit: 4,
    http: 409,
    message: 'Plan {plan} would do something else by now: it is plan {now}',
    hint: 'Somebody changed something meanwhile; nothing was done. Look at the plan again with --dry-run.',
  },
  conflict_not_found: {
    exit: 3,
    http: 404,
    message: 'There is no conflict "{id}"',
    hint: 'See `orch conflicts --all` for those there were.',
  },
  record_not_then: {
    exit: 3,
    http: 404,
    message: '{id} was not there yet at {moment}',
    hint: 'See `orch history {id}` for when it was made.',
  },
  ambiguous_id: {
    exit: 3,
    http: 409,
    message: '"{id}" is the beginning of {count} ids: {matches}',
    hint: 'Type more characters of the id.',
  },
  snapshot_not_found: {
    exit: 3,
    http: 404,
    message: 'There is no snapshot "{id}"',
    hint: 'See `orch history` for the snapshots there are.',
  },
  attention_not_found: {
    exit: 3,
    http: 404,
    message: 'There is no item "{id}" on the attention list',
    hint: 'It may be settled already. See `orch attention list`.',
  },
  not_served: {
    exit: 3,
    http: 404,
    message: 'Nothing is served at {path}',
    hint: 'See docs/http.md for what there is.',
  },
  token_not_found: { exit: 3, http: 404, message: 'There is no token "{name}"', hint: 'See `orch token list`.' },
  peer_not_found: { exit: 3, http: 404, message: 'There is no peer "{name}"', hint: 'See `orch peer list`.' },

  stale_base: {
    exit: 4,
    http: 412,
    message: '{id} has changed since {base}; it is now {hash}',
    hint: 'Read it again, apply your change to what it says now, and send that hash.',
  },
  already_exists: {
    exit: 4,
    http: 409,
    message: '{what} already exists',
    hint: 'Choose another name, or change the one that is there.',
  },
  record_deleted: {
    exit: 4,
    http: 409,
    message: '{id} is deleted',
    hint: 'Restore it first: `orch {kind} restore {id}`.',
  },
  different_project: {
    exit: 4,
    http: 409,
    message: 'The peer holds another project: {theirs}, this is {ours}',
    hint: 'They were started apart. `orch join ADDRESS --token TOKEN` in one of the two repositories brings its records into the other project, once.',
  },
  already_joined: {
    exit: 4,
    http: 409,
    message: '{name} {what} {into}: replica {by} of it has said so there',
    hint: 'It is joined once, by one replica. Once it has joined, --follow lets this replica go along without importing. If the other one is gone and nothing of {name} is there, remove the key {key} from the state there and try again.',
  },
  join_failed: {
    exit: 4,
    http: 409,
    message: 'Cannot join: {reason}',
    hint: 'This project is as it was. Try again when that is mended.',
  },
  purge_failed: {
    exit: 4,
    http: 409,
    message: 'The secret is not taken out everywhere yet: {reason}',
    hint: 'What was begun is gone on with at the next start of the daemon, when that is mended.',
  },
  rows_missing: {
    exit: 4,
    http: 409,
    message: 'Row {row} builds on {lacks}, which is not here',
    hint: 'The peer is asked for the missing rows; nothing has to be done.',
  },
  update_gap: {
    exit: 4,
    http: 409,
    message: 'The update builds on something that is not here',
    hint: 'Synchronise with this replica, then send what it lacks.',
  },
  already_claimed: {
    exit: 4,
    http: 409,
    message: '{id} is held by {holder}{since}',
    hint: 'Claim another: without an id, the best ready task is taken. Or wait until it is free, or ask {holder} to hand it over.',
  },
  not_ready: {
    exit: 4,
    http: 409,
    message: '{id} cannot be begun: {reason}',
    hint: 'Claim another: without an id, the best ready task is taken.',
  },
  nothing_ready: {
    exit: 4,
    http: 409,
    message: 'There is no ready task that fits',
    hint: '`orch blocked` says what the others wait for; `orch wait --ready` comes back when there is one.',
  },
  not_claimed: {
    exit: 4,
    http: 409,
    message: '{id} is not claimed by you: {reason}',
    hint: 'Nothing was changed. `orch claims` shows who holds what.',
  },
  fenced: {
    exit: 4,
    http: 412,
    message: 'Your claim {fence} on {id} has ended: {reason}',
    hint: 'Nothing was changed. Show the task to see what happened since; claim it again before you go on with it.',
  },
  arbiter_unreachable: {
    exit: 4,
    http: 503,
    message: 'The replica that grants claims, {replica}, cannot be reached: {reason}',
    hint: 'Link with it (`orch peer list`). Claims made meanwhile are provisional and settled when it is back.',
  },
  busy: {
    exit: 4,
    http: 429,
    message: 'Too many {what} are running',
    hint: 'Nothing was done. Try again in a moment, with fewer at a time.',
  },
  git_refused: {
    exit: 4,
    http: 409,
    message: 'git refused: {reason}',
    hint: 'Nothing is lost: the change is in the database and the next snapshot tries again.',
  },
  remote_failed: {
    exit: 4,
    http: 502,
    message: 'The git remote {remote} does not take part: {reason}',
    hint: '{remedy}',
  },
  remote_not_set: {
    exit: 4,
    http: 409,
    message: 'This project has no git remote to sync with',
    hint: 'Name one of the remotes that `git remote` lists: `orch remote set origin`.',
  },

  not_a_repository: {
    exit: 5,
    http: 400,
    message: '{path} is not inside a git repository',
    hint: 'Go to your repository, or make one with `git init`.',
  },
  bare_repository: {
    exit: 5,
    http: 400,
    message: '{path} is a bare repository: there is no place for the files',
    hint: 'Run orch in a clone that has a working tree.',
  },
  not_initialised: { exit: 5, http: 404, message: 'orch is not set up in {path}', hint: 'Run `orch init` there.' },
  git_missing: {
    exit: 5,
    http: 500,
    message: 'git cannot be run: {reason}',
    hint: 'Install git 2.30 or newer and make sure that it is on the PATH.',
  },
  git_unsafe: {
    exit: 5,
    http: 500,
    message: 'git does not trust {path}: it belongs to another user',
    hint: 'If you trust it: git config --global --add safe.directory {path}',
  },

  read_only: {
    exit: 6,
    http: 503,
    message: '{path} cannot be written: {reason}',
    hint: 'Make the directory writable for you, or free space on its disk; orch keeps its private state there.',
  },
  storage_failed: {
    exit: 6,
    http: 503,
    message: 'The change could not be made durable: {reason}',
    hint: 'It was not made and nobody saw it. Free space or repair the disk; writes are accepted again as soon as the disk works.',
  },
  database_damaged: {
    exit: 6,
    http: 500,
    message: 'The database does not load: {reason}',
    hint: 'Nothing was changed. The files and the git branch still hold the state; see docs/recovery in docs/architecture.md.',
  },
  database_newer: {
    exit: 6,
    http: 500,
    message: 'The database has format {found}; this orch knows up to {known}',
    hint: 'Use the newer orch. Nothing was touched.',
  },

  key_missing: {
    exit: 6,
    http: 503,
    message: '{what} is encrypted with the key {key}, and no key is given',
    hint: 'Nothing was touched. Give the key by encryption.keyFile, encryption.keyCommand or ORCH_ENCRYPTION_KEY; what .orchrc says of it counts after `orch trust`. With the key, `orch decrypt` makes a database plain again. See docs/encryption.md.',
  },
  key_wrong: {
    exit: 6,
    http: 503,
    message: '{what} is encrypted with the key {key}, and what is given is {given}',
    hint: 'Nothing was touched. Give the key {key}: an older one may stand on a further line below the one in use. See docs/encryption.md.',
  },
  key_unusable: {
    exit: 2,
    http: 400,
    message: 'The encryption key from {source} cannot be used: {reason}',
    hint: 'Nothing was touched. A key is 32 random bytes, as 64 hexadecimal digits on a line, where only you can read it. See docs/encryption.md.',
  },
  not_encrypted: {
    exit: 6,
    http: 503,
    message: '{path} is not encrypted, and is to be',
    hint: 'Nothing was touched. `orch encrypt` encrypts it; or set encryption.database to false, or take the key out of the configuration. See docs/encryption.md.',
  },
  cipher_missing: {
    exit: 6,
    http: 503,
    message: 'An encrypted database needs the package {package}, which does not load: {reason}',
    hint: 'Nothing was touched. Install it beside orch, with the Node that runs orch: `npm install {package}@{version}`. Or encrypt only git: encryption.database: false. See docs/encryption.md.',
  },

  daemon_unreachable: {
    exit: 7,
    http: 503,
    message: 'The daemon does not answer: {reason}',
    hint: 'See {log}, then try `orch restart`.',
  },
  daemon_start_failed: { exit: 7, http: 503, message: 'The daemon did not start: {reason}', hint: 'See {log}.' },
  daemon_other_version: {
    exit: 7,
    http: 409,
    message: 'The daemon is orch {daemon}, this is orch {client}',
    hint: 'A newer orch replaces an older daemon by itself. Here the daemon is the newer one: update this orch.',
  },
  daemon_other_repository: {
    exit: 7,
    http: 409,
    message: 'The daemon at {socket} serves another repository',
    hint: 'This looks like a copied repository. Run `orch restart` here: the copy gets a daemon of its own.',
  },
  daemon_moved: {
    exit: 7,
    http: 409,
    message: 'The repository was moved while its daemon ran: that one still looks for it at {path}',
    hint: 'The next command that needs a daemon replaces it; `orch restart` does so now.',
  },
  owned_elsewhere: {
    exit: 7,
    http: 503,
    message: 'A daemon on {host} (process {pid}) has this project open; two on one disk would damage it',
    hint: 'Use orch there, or make a clone here and link the two: see `orch peer --help`. Once the other one has stopped, the next command starts a daemon here.',
  },
  daemon_stopping: { exit: 7, http: 503, message: 'The daemon is stopping', hint: 'Try again.' },

  unauthorized: {
    exit: 8,
    http: 401,
    message: 'No valid token',
    hint: 'It is missing, wrong, expired or revoked. `orch token create` makes one.',
  },
  too_many_attempts: {
    exit: 8,
    http: 429,
    message: 'Too many attempts without a valid token from {from}',
    hint: 'Wait a minute, then try with a valid token.',
  },
  forbidden: { exit: 8, http: 403, message: 'Not allowed: {reason}', hint: 'Ask somebody who may.' },
  session_key: {
    exit: 8,
    http: 403,
    message: 'The session {id} is continued only with its key: {reason}',
    hint: 'Set ORCH_SESSION to what `orch session start` printed, or start a session of your own.',
  },
  untrusted_config: {
    exit: 8,
    http: 403,
    message: '{key} in {file} is ignored: the file is not trusted',
    hint: 'Read the file, then run `orch trust`.',
  },
})

export type ErrorCode = keyof typeof errorCodes
export type ErrorData = Readonly<Record<string, string | number>>

/** How an error travels: over the socket, HTTP and `--json`. */
export interface ErrorBody {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
  readonly exit: number
  readonly data: ErrorData
}

/** A refusal with a code from the table. What is thrown to callers is always one of these; anything else is a bug. */
export class OrchError extends Error {
  override readonly name = 'OrchError'
  readonly code: ErrorCode
  readonly hint: string
  readonly data: ErrorData

  constructor(code: ErrorCode, data: ErrorData = {}, cause?: unknown) {
    const { message, hint } = errorCodes[code]
    super(fill(message, data), cause === undefined ? {} : { cause })
    this.code = code
    this.hint = fill(hint, data)
    this.data = data
  }

  get exit(): number {
    return errorCodes[this.code].exit
  }

  get http(): number {
    return errorCodes[this.code].http
  }

  toBody(): ErrorBody {
    return { code: this.code, message: this.message, hint: this.hint, exit: this.exit, data: this.data }
  }

  static fromBody(body: ErrorBody): OrchError {
    return new OrchError(body.code in errorCodes ? body.code : 'internal', { reason: body.message, ...body.data })
  }
}

/** SQLite's codes for what a program did wrong: SQL, constraints, sizes, types, misuse. */
const PROGRAM_FAULTS: ReadonlySet<number> = new Set([1, 18, 19, 20, 21, 25])

/** Whether the disk, not the program, is at fault: an error of SQLite's own. */
export function isStorageFailure(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error && !PROGRAM_FAULTS.has(Number(error.errcode) & 0xff)
}

/** The refusal for anything thrown: itself if it is one, `internal` with the cause kept otherwise. */
export function toOrchError(error: unknown): OrchError {
  if (error instanceof OrchError) return error
  if (isStorageFailure(error)) return new OrchError('storage_failed', { reason: reasonOf(error) }, error)
  return new OrchError('internal', { reason: reasonOf(error) }, error)
}

/** What went wrong, in one line, for a message. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? text
}

function fill(template: string, data: ErrorData): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => (key in data ? String(data[key]) : whole))
}
