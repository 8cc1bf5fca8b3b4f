import { http } from '@google-cloud/functions-framework'
import { readConfig } from '../shared/config.ts'
import { makeFunction, migrationsDir } from './main.ts'

/** Gives functions-framework the function that the environment names. Throws ConfigError where that says something wrong. */
export const register = async (): Promise<void> => {
  const config = readConfig()
  http(config.target, await makeFunction(config, migrationsDir))
}
