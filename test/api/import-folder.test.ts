import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openFolder } from '../../src/api/import/node-folder.ts'
import { folderContract } from '../contract/folder.ts'
import { createMemoryFolder } from '../memory/folder.ts'

folderContract('memory', (files) => Promise.resolve(createMemoryFolder({ ...files })))

folderContract('disk', async (files) => {
  const root = await mkdtemp(join(tmpdir(), 'orch-folder-'))
  onTestFinished(() => rm(root, { recursive: true }))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true })
    if (typeof content === 'string') await writeFile(join(root, path), content)
    else await symlink(content.link, join(root, path))
  }
  return openFolder(root)
})
