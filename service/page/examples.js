// Texts to try the page with. All of it is made up: places, people and disputes.

export const ARTICLE = {
  title: "Harbour talks stall as minister offers a new round",
  date: "2026-11-19",
  text: `Harbour talks stall as minister offers a new round

PORT ALDER, Nov. 19 — The Dockworkers' Union broke off its talks with the Port Authority on Thursday, and its president called the latest offer an insult.

“There is nothing left to discuss with people who break their word,” Marta Lindqvist told reporters outside the terminal. “We will return to the table only if the forty dismissed crane drivers are reinstated.”

Paul Okafor, the director of the Port Authority, rejected the charge. He said the authority was ready to meet at any hour and without preconditions. “Our door is open, tonight if they wish,” Okafor said. “Nobody here is looking for a fight.”

The two sides have met eleven times since August. According to the Port Authority, some 60 ships are waiting in the bay.

Lindqvist told Okafor that the union would never accept a two-tier wage. Okafor replied that he would look at the wage scale again in return for a pledge not to strike until spring.

Transport Minister Ines Carvalho urged both sides to keep talking and said that her ministry would host a new round on Monday. “I welcome every word that is spoken instead of shouted,” she said.

The Shipowners' League struck a harsher note. Its spokesman, Henrik Dahl, accused the union of holding the country hostage and said that the league would not sit in a room with it. “Not this week, not next week,” Dahl said.

The harbour handles a third of the country's grain. Rain is expected until Sunday.`,
};

export const SERIES = [
  {
    title: "Round one", date: "2026-09-03",
    text: `Paul Okafor, the director of the Port Authority, said on Thursday that he would not negotiate with the Dockworkers' Union while cranes stood still. “There will be no talks under blackmail,” Okafor said.

Marta Lindqvist, the president of the union, said the union was ready to talk at once. “We have asked for a meeting three times, and we ask again,” Lindqvist said. She said that the union had put nothing on the table that could not be discussed.`,
  },
  {
    title: "The offer", date: "2026-10-12",
    text: `The Port Authority's director, Paul Okafor, said on Monday that he was willing to meet the union if the go-slow ended first. “Let the cranes move, and we will sit down the same day,” Okafor said.

Marta Lindqvist said the union welcomed the offer as a step. She said that it would end the go-slow once the authority put its offer in writing. “We are close to a meeting,” Lindqvist said.`,
  },
  {
    title: "The walkout", date: "2026-11-19",
    text: `“There is nothing left to discuss with people who break their word,” the union's president, Marta Lindqvist, said on Thursday. Lindqvist called the offer an insult and said the union was leaving the talks.

Paul Okafor, the director of the Port Authority, said the authority was ready to meet at any hour and without preconditions. “Our door is open, tonight if they wish,” Okafor said.`,
  },
  {
    title: "The accord", date: "2026-12-01",
    text: `Paul Okafor said on Tuesday that the Port Authority and the union had agreed on every point. “I thank Marta Lindqvist for her patience,” Okafor said. He said the dismissed drivers would return this week.

Marta Lindqvist said the union would sign the accord on Friday. “We will keep it to the letter,” Lindqvist said, and praised the authority for its good faith.`,
  },
];
