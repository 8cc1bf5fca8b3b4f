import { http } from '@google-cloud/functions-framework'
import { readConfig } from '../shared/config.ts'
import { makeFunction, migrationsDir } from './main.ts'

const config = readConfig()
http(config.target, await makeFunction(config, migrationsDir))
