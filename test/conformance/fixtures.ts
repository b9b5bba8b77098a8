import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'

/** What the official conformance suite expects a server to have, so that it can see each part of the protocol at work. */
const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const SOUND = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

const text = (words: string) => ({ type: 'text', text: words }) as const
const said = (words: string) => ({ content: [text(words)] })
const image = { type: 'image', data: IMAGE, mimeType: 'image/png' } as const
const resource = (uri: string, mimeType: string, words: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: words } }) as const
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const form = (message: string, field: string, type: 'string' | 'boolean' = 'string') =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [field]: { type } as { type: 'string' } }, required: [field] },
  })
const question = (words: string) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(words) }], maxTokens: 100 })

const states = createRequestStateCodec({ key: 'a key that only this process knows, and long enough' })

/** The state of a round; a changed one ends the call with an error of the protocol. */
async function stateOf(context: ServerContext): Promise<string | undefined> {
  const raw = context.mcpReq.requestState<string>()
  if (raw === undefined) return undefined
  try {
    return (await states.verify(raw, context)) as string
  } catch {
    // The one error that a tool may end a request with: all others become its result.
    throw new ProtocolError(ProtocolErrorCode.UrlElicitationRequired, 'The state was changed')
  }
}

/** Adds the suite's tools, resources and prompts to a server of ours. */
export function addFixtures(server: McpServer): McpServer {
  // orch itself logs nothing to clients: what it has to say is in answers.
  server.server.registerCapabilities({ logging: {} })
  server.server.setRequestHandler('logging/setLevel', () => ({}))
  addContents(server)
  addTalk(server)
  addRounds(server)
  addResources(server)
  addPrompts(server)
  return server
}

function addContents(server: McpServer): void {
  const tool = (name: string, content: unknown[]): void => {
    server.registerTool(name, { description: name }, async () => ({ content }) as never)
  }
  tool('test_simple_text', [text('This is a simple text response for testing.')])
  tool('test_image_content', [image])
  tool('test_audio_content', [{ type: 'audio', data: SOUND, mimeType: 'audio/wav' }])
  tool('test_embedded_resource', [
    resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ])
  tool('test_multiple_content_types', [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ])
  server.registerTool('test_error_handling', { description: 'fails' }, async () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: {
      address: {
        $anchor: 'addressDef',
        type: 'object',
        properties: { street: { type: 'string' }, city: { type: 'string' } },
      },
    },
    properties: {
      name: { type: 'string' },
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: { type: 'string' },
      email: { type: 'string' },
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  }
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'a schema with all of 2020-12', inputSchema: fromJsonSchema(schema as never) },
    async (args) => said(JSON.stringify(args)),
  )
  server.registerTool(
    'test_headers',
    {
      description: 'inputs that are mirrored in headers',
      inputSchema: fromJsonSchema({
        type: 'object',
        properties: {
          region: { type: 'string', 'x-mcp-header': 'Region' },
          priority: { type: 'integer', 'x-mcp-header': 'Priority' },
          query: { type: 'string' },
        },
      } as never),
    },
    async (args) => said(JSON.stringify(args)),
  )
}

/** Tools that say or ask something while they run. */
function addTalk(server: McpServer): void {
  const logged = async ({ mcpReq }: ServerContext) => {
    for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await mcpReq.log('info', line)
      await sleep(20)
    }
    return said('Tool with logging executed successfully')
  }
  server.registerTool('test_tool_with_logging', { description: 'logs' }, logged)
  server.registerTool('test_logging_tool', { description: 'logs' }, logged)
  server.registerTool('test_tool_with_progress', { description: 'reports progress' }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0
    for (const progress of [0, 50, 100]) {
      const message = `Completed step ${progress} of 100`
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total: 100, message },
      })
      await sleep(20)
    }
    return said(String(progressToken))
  })
  server.registerTool(
    'test_sampling',
    { description: 'asks the model', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const { content } = await mcpReq.requestSampling({
        messages: [{ role: 'user', content: text(prompt) }],
        maxTokens: 100,
      })
      return said(`LLM response: ${JSON.stringify(content)}`)
    },
  )
  const elicit = async ({ mcpReq }: ServerContext, message: string, requestedSchema: object) => {
    const { action, content } = await mcpReq.elicitInput({ message, requestedSchema } as never)
    return said(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`)
  }
  const object = (properties: object) => ({ type: 'object', properties, required: [] })
  server.registerTool(
    'test_elicitation',
    { description: 'asks the user', inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) =>
      elicit(context, message, {
        type: 'object',
        properties: { response: { type: 'string', description: "User's response" } },
        required: ['response'],
      }),
  )
  server.registerTool('test_elicitation_sep1034_defaults', { description: 'asks with defaults' }, (context) =>
    elicit(
      context,
      'Please review',
      object({
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
    ),
  )
  const titled = (word: string) => [1, 2, 3].map((n) => ({ const: `value${n}`, title: `${word} ${n}` }))
  const options = ['option1', 'option2', 'option3']
  server.registerTool('test_elicitation_sep1330_enums', { description: 'asks to choose' }, (context) =>
    elicit(
      context,
      'Please choose',
      object({
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: titled('Option') },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
        untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: options } },
        titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('Choice') } },
      }),
    ),
  )
  server.registerTool('test_streaming_elicitation', { description: 'asks on its stream' }, async ({ mcpReq }) =>
    acceptedContent(mcpReq.inputResponses, 'name') === undefined
      ? inputRequired({ inputRequests: { name: form('Your name?', 'name') } })
      : said('done'),
  )
}

/** Tools that end with a question, and go on with the answer. */
function addRounds(server: McpServer): void {
  const one = (name: string, key: string, ask: () => ReturnType<typeof form> | ReturnType<typeof question>): void => {
    server.registerTool(name, { description: name }, async ({ mcpReq }) => {
      const answer = mcpReq.inputResponses?.[key]
      if (answer === undefined) return inputRequired({ inputRequests: { [key]: ask() } })
      return said(`Answered: ${JSON.stringify(answer)}`)
    })
  }
  server.registerTool('test_input_required_result_elicitation', { description: 'asks a name' }, async ({ mcpReq }) => {
    const content = acceptedContent<{ name: string }>(mcpReq.inputResponses, 'user_name')
    return typeof content?.name === 'string'
      ? said(`Hello, ${content.name}!`)
      : inputRequired({ inputRequests: { user_name: form('What is your name?', 'name') } })
  })
  one('test_input_required_result_sampling', 'capital_question', () => question('What is the capital of France?'))
  one('test_input_required_result_list_roots', 'client_roots', () => inputRequired.listRoots() as never)
  one('test_missing_capability', 'sample', () => question('Anything'))

  const confirmed = (name: string): void => {
    server.registerTool(name, { description: name }, async (context) => {
      const state = await stateOf(context)
      const content = acceptedContent(context.mcpReq.inputResponses, 'confirm')
      if (state === name && content !== undefined) return said('state-ok')
      const requestState = await states.mint(name, context)
      return inputRequired({ inputRequests: { confirm: form('Please confirm', 'ok', 'boolean') }, requestState })
    })
  }
  confirmed('test_input_required_result_request_state')
  confirmed('test_input_required_result_tampered_state')

  const several = 'test_input_required_result_multiple_inputs'
  server.registerTool(several, { description: several }, async (context) => {
    const answers = context.mcpReq.inputResponses ?? {}
    const keys = ['user_name', 'greeting', 'client_roots']
    if (keys.every((key) => key in answers)) return said('All answered')
    return inputRequired({
      inputRequests: {
        user_name: form('What is your name?', 'name'),
        greeting: question('Generate a greeting'),
        client_roots: inputRequired.listRoots(),
      },
      requestState: await states.mint(several, context),
    })
  })

  server.registerTool('test_input_required_result_multi_round', { description: 'two rounds' }, async (context) => {
    const state = await stateOf(context)
    const answers = context.mcpReq.inputResponses
    if (state === 'two' && acceptedContent(answers, 'step2')) return said('Both rounds are over')
    if (state === 'one' && acceptedContent(answers, 'step1')) {
      const requestState = await states.mint('two', context)
      return inputRequired({ inputRequests: { step2: form('Step 2: favorite color?', 'color') }, requestState })
    }
    const requestState = await states.mint('one', context)
    return inputRequired({ inputRequests: { step1: form('Step 1: your name?', 'name') }, requestState })
  })

  const able = 'test_input_required_result_capabilities'
  server.registerTool(able, { description: able }, async ({ mcpReq }) => {
    if (mcpReq.inputResponses !== undefined) return said('Answered')
    const envelope = mcpReq.envelope as Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined
    const declared = envelope?.[CLIENT_CAPABILITIES_META_KEY]
    return inputRequired({
      inputRequests: {
        ...(declared?.sampling !== undefined && { sample: question('What is the capital of France?') }),
        ...(declared?.elicitation !== undefined && { name: form('Your name?', 'name') }),
      },
    })
  })
}

function addResources(server: McpServer): void {
  const fixed = (name: string, uri: string, mimeType: string, content: object): void => {
    server.registerResource(name, uri, { description: name, mimeType }, async () => ({
      contents: [{ uri, mimeType, ...content } as never],
    }))
  }
  fixed('static-text', 'test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' })
  fixed('static-binary', 'test://static-binary', 'image/png', { blob: IMAGE })
  fixed('watched-resource', 'test://watched-resource', 'text/plain', { text: 'Watched resource content' })
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'by id', mimeType: 'application/json' },
    async (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
        },
      ],
    }),
  )
}

function addPrompts(server: McpServer): void {
  const user = (content: object) => ({ role: 'user', content }) as never
  server.registerPrompt('test_simple_prompt', { description: 'simple' }, async () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }))
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'with arguments', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    async ({ arg1, arg2 }) => ({
      messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'with a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    async ({ resourceUri }) => ({
      messages: [
        user(resource(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
        user(text('Please process the embedded resource above.')),
      ],
    }),
  )
  server.registerPrompt('test_prompt_with_image', { description: 'with an image' }, async () => ({
    messages: [user(image), user(text('Please analyze the image above.'))],
  }))
  server.registerPrompt('test_input_required_result_prompt', { description: 'asks first' }, async ({ mcpReq }) =>
    acceptedContent(mcpReq.inputResponses, 'user_context') === undefined
      ? inputRequired({ inputRequests: { user_context: form('What context should the prompt use?', 'context') } })
      : { messages: [user(text('With your context.'))] },
  )
}
