// Usage: node typed.js NAME -- see run. Every call of clients/typescript, and what it does after errors.
// Prints what the calls return, for run to compare: the typed clients of all languages print the same.
import { Pool } from 'pg'
import { Allocation, AllocationError, runTransaction, sqlstateOf } from './allocation'

const sku = process.argv[2]!
const first = `${sku}-first`
const second = `${sku}-second`
const order = (id: number | string) => `${sku}-${id}`
const pool = new Pool()
const calls = new Allocation(pool, 'public')

// null is printed as such, a batch of this run without the name.
const show = (...values: unknown[]) =>
	console.log(values.map(value => String(value ?? null).replace(sku, '')).join(' '))

const refused = async (call: Promise<unknown>) => {
	try {
		show('not refused:', await call)
	} catch (error) {
		if (!(error instanceof AllocationError)) throw error
		console.log(error.sqlstate, error.name, error.hint ? 'with a hint' : 'without a hint')
	}
}

const main = async () => {
	console.log('# calls')
	await calls.addBatch(first, sku, 10)
	await calls.addBatch(second, sku, 20, { eta: '2100-01-02', rank: 1 })
	show(await calls.allocate(order(1), sku, 4))
	show(await calls.allocate(order(2), sku, 1, { by: '2100-01-01', hold: '15 minutes' }))
	const [line] = await calls.allocateOrder(order(3), { [sku]: 30 }, { allOrNothing: false })
	show(line!.qty, line!.batchref)
	show((await calls.allocateLines([{ orderid: order(4), sku, qty: 1 }, { orderid: order(5), sku, qty: 2 }])).length)
	const answer = await calls.tryAllocate(order(6), sku, 25)
	show(answer.refusal, answer.available, answer.batchref)
	show((await calls.tryAllocateOrder(order(6), { [sku]: 25 }))[0]!.refusal)
	const answers = await calls.tryAllocateLines([{ orderid: order(1), sku, qty: 4 }, { orderid: order(6), sku, qty: 25 }])
	show(answers[1]!.refusal)
	const promise = await calls.promise(sku, 5)
	show(promise!.batchref, promise!.eta)
	show(await calls.promise(sku, 1000))
	show(await calls.deallocate(order(2), sku), await calls.deallocate(order(2), sku))
	show((await calls.deallocateOrder(order(5))).length)
	show(await calls.reallocate(order(1), sku, { qty: 5 }))
	show(await calls.ship(order(1), sku, 2), await calls.ship(order(1), sku))
	show((await calls.shipOrder(order(4))).length)
	show((await calls.changeBatchEta(second, null)).length, (await calls.changeBatchQuantity(second, 30)).length)
	show((await calls.reallocateSku(sku)).length)
	show((await calls.checkAllocation()).length)

	console.log('# refusals')
	await refused(calls.allocate(order(7), `${sku}-unknown`, 1))
	await refused(calls.allocate(order(7), sku, 1000))
	await refused(calls.changeBatchEta(`${sku}-unknown`, null))
	await refused(calls.ship(order(7), sku))
	await refused(calls.allocate(order(1), sku, 6))
	await refused(calls.deallocate(order(1), sku))
	await calls.changeBatchEta(first, 'infinity')
	await calls.changeBatchQuantity(second, 31)
	await calls.allocate(order(8), sku, 1)
	await calls.changeBatchEta(second, 'infinity')
	await refused(calls.ship(order(8), sku))
	try {
		await calls.allocate('', sku, 1)
	} catch (error) {
		console.log(error instanceof AllocationError ? 'taken for an error of ours' : sqlstateOf(error))
	}

	console.log('# retries')
	await calls.changeBatchEta(first, null)
	await calls.changeBatchQuantity(first, 1000)
	let attempts = 0
	// A transaction in which others are faster so many times: from then on its snapshot is too old to write.
	const serializable = (times: number, limit?: number) => runTransaction(pool, async client => {
		const mine = new Allocation(client)
		await mine.promise(sku, 1)
		if (++attempts <= times) await calls.allocate(order(`rival-${times}-${attempts}`), sku, 1)
		return mine.allocate(order('mine'), sku, 1)
	}, { attempts: limit, begin: 'BEGIN ISOLATION LEVEL SERIALIZABLE' })

	await serializable(3, 3).catch(error => show(sqlstateOf(error), 'after', attempts, 'attempts'))
	attempts = 0
	show(await serializable(2), 'after', attempts, 'attempts')
	attempts = 0
	show(await runTransaction(pool, async client => {
		if (++attempts < 3) await client.query("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
		return 'committed'
	}), 'after', attempts, 'attempts')
	attempts = 0
	await runTransaction(pool, client => {
		attempts++
		return new Allocation(client).ship(order('unknown'), sku)
	}).catch(error => show(sqlstateOf(error), 'after', attempts, 'attempts'))
	await runTransaction(pool, async client => {
		await new Allocation(client).allocate(order('undone'), sku, 1)
		throw new Error("an error of the application's own")
	}).catch(async () => show('undone:', await calls.deallocate(order('undone'), sku)))
	await pool.end()
}

main()
