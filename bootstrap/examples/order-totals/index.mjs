// What customers have ordered, per customer, written as the locale of the payload writes money.

export const handler = async ({ orders = [], currency = "EUR", locale = "en-IE" }) => {
  const money = new Intl.NumberFormat(locale, { style: "currency", currency });
  const totals = new Map();
  for (const { customer, quantity, price } of orders) {
    if (!(quantity > 0)) throw new RangeError(`${customer} has ordered ${quantity} pieces`);
    totals.set(customer, (totals.get(customer) ?? 0) + quantity * price);
  }
  const sorted = [...totals].sort(([, a], [, b]) => b - a);
  console.log(`${orders.length} orders of ${sorted.length} customers`);
  return {
    orders: orders.length,
    totals: Object.fromEntries(sorted.map(([customer, total]) => [customer, money.format(total)])),
  };
};
