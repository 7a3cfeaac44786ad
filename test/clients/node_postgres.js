// Usage: node_postgres.js NAME named|unnamed -- see run.
const { Client } = require('pg')

const [name, way] = process.argv.slice(2)
const client = new Client()

const allocate = async (number, quantity) => {
	const text = 'SELECT allocate($1, $2, $3) AS batchref'
	const call = { text, values: [`${name}-${number}`, 'LAMP', quantity] }
	if (way === 'named') call.name = 'allocate'
	return (await client.query(call)).rows[0].batchref
}

const main = async () => {
	await client.connect()
	console.log(await allocate(1, 1), await allocate(2, 1))
	await allocate(3, 1000000).catch(error => console.log(error.code))
	const { rows } = await client.query('SELECT sku, batchref FROM allocate_lines($1, $2, $3)',
		[[`${name}-4`, `${name}-5`], ['LAMP', 'CHAIR'], [1, 2]])
	for (const { sku, batchref } of rows) console.log(sku, batchref)
	await client.end()
}

main()
