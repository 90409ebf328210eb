import { describeGitReader } from './git-reader.suite.ts'

describeGitReader('git')
describeGitReader('isomorphic')
