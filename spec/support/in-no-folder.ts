// Loaded first: as in a folder that was removed while a shell was in it.
process.cwd = () => {
  throw Object.assign(new Error('ENOENT: no such file or directory, uv_cwd'), { code: 'ENOENT' })
}
