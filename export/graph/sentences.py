"""Texts of our own that show a model's usual activations. The quantisation is fitted to them.

The user's texts are never used, so that a model's bytes depend on the model alone. SENTENCES are queries, headlines,
questions and product names. PASSAGES are of the kinds that people search: news, abstracts, help pages, reference
manuals, encyclopedias.
"""

from __future__ import annotations

SENTENCES = (
    "weather",
    "best pizza near me",
    "How do I cancel a subscription?",
    "The cat sat on the mat.",
    "Police search for missing man",
    "Treaty of Versailles, 1919",
    "a small brown bird native to northern Europe",
    "vaccine side effects in elderly patients",
    "import numpy as np",
    "He said: \"I'll be back by 5 p.m., don't wait.\"",
    "Graph neural networks for molecules",
    "Deep learning methods achieve state-of-the-art results on image classification benchmarks.",
    "Stocks fell 3.2% on Monday after the central bank raised rates; analysts expect further losses.",
    "We propose a new algorithm for clustering high-dimensional data and prove that it converges.",
    "The mitochondrion is the powerhouse of the cell.",
    "What is the capital of Mongolia?",
)

PASSAGES = (
    "Heavy rain and strong winds battered the coast on Tuesday night, cutting power to thousands of homes and closing "
    "the main road for several hours. Emergency crews worked until morning to clear fallen trees. Officials asked "
    "residents to stay indoors and to report any damage. No injuries have been confirmed so far, but two fishing boats "
    "are missing and a search is under way.",
    "In this paper we study how neural networks represent uncertainty when the training data is small. We compare "
    "three methods on public benchmarks, and find that a simple ensemble of five models is better calibrated than a "
    "single large one, at the same cost in memory. An analysis of the errors shows that most of them come from labels "
    "that people also disagree about. Code and data are available.",
    "To return an item, log in to your account, choose the order, and print the label. You have thirty days from "
    "delivery; the item must be unused and in its original packaging. Refunds are paid to the card you used within "
    "five working days. If the parcel arrived damaged, please send us a photo first, so that we can claim it from the "
    "carrier.",
    "Background: High blood pressure is a risk factor for stroke, but it is unclear how far treatment should lower it "
    "in patients over eighty. Methods: We randomly assigned 3,845 patients to receive a diuretic or a placebo. "
    "Results: After a median of 1.8 years, active treatment was associated with a 30% reduction in the rate of fatal "
    "or nonfatal stroke (95% CI, -1 to 51; P=0.06). Conclusions: Treatment is beneficial.",
    "Creates a copy of a snapshot in another region. The call returns an identifier at once, while the copy goes on; "
    "use the describe operation to see its status. If the source is encrypted, a key must be named with KmsKeyId, and "
    "the caller needs permission to use it. Tags are not copied unless CopyTags is true. A maximum of twenty copies "
    "can run at the same time for each account.",
    "The village lies on the left bank of the river, at the foot of a limestone cliff. First mentioned in 1243, it "
    "belonged to the bishops of Basel until the revolution. The church of Saint Peter has frescoes of the fifteenth "
    "century. Most people work in the watch factories of the valley, or keep cattle; since 1998 a railway museum has "
    "attracted visitors in summer.",
    "Regulatory T cells limit inflammation by secreting cytokines such as IL-10, and their loss leads to autoimmune "
    "disease in mice. Here we show that the transcription factor is phosphorylated at a conserved serine residue, "
    "which prevents its degradation in the nucleus. Mutant animals had fewer cells in the spleen and developed "
    "colitis within twelve weeks, whereas bone marrow transfer from wild-type donors rescued survival.",
    "We measure the mass function of galaxy clusters at redshifts below 0.7 with X-ray data from two telescopes. The "
    "sample, selected by luminosity, contains 86 objects. Comparing it with simulations of cold dark matter constrains "
    "the amplitude of fluctuations to five percent, and it excludes models without a cosmological constant at more "
    "than four standard deviations. Systematic errors are dominated by the calibration of temperature.",
    "Stainless steel water bottle, 750 ml, double wall, keeps drinks cold for 24 hours or hot for 12. Wide mouth for "
    "ice cubes, leakproof lid with carrying loop, fits most cup holders. Free of BPA; wash the lid by hand. Available "
    "in black, forest green and coral. Customers also bought: cleaning brush, replacement seal, silicone sleeve.",
    "Why is my phone not charging? First try another cable and another socket. Look into the port with a torch: lint "
    "is easily removed with a wooden toothpick while the phone is switched off. If a warning about moisture appears, "
    "leave it to dry for a few hours. Batteries wear out too; in the settings, under battery health, a capacity below "
    "80% means that it should be replaced.",
    "The tenant shall pay the rent in advance on the first day of each month. The landlord may enter the premises "
    "after giving twenty-four hours' notice in writing, except in an emergency. Either party may end this agreement "
    "by three months' notice. A deposit equal to two months' rent is held by a third party, and returned within "
    "fourteen days unless repairs beyond ordinary wear are needed.",
    "The home side won by two goals to one in front of forty thousand spectators, after the goalkeeper had saved a "
    "penalty in the last minute. It was their sixth victory in a row, and it takes them to second place in the table, "
    "three points behind the champions. Their captain, who injured his knee in the first half, will miss the "
    "quarter-final against Portugal next week.",
    "Melt the butter in a large pan, add the onion and cook gently for ten minutes until soft. Stir in the rice, then "
    "a glass of white wine. Add hot stock a ladle at a time, stirring, until the grains are tender, about eighteen "
    "minutes. Take it off the heat, fold in the parmesan, season with salt and black pepper, and let it rest before "
    "serving. Serves four; for vegans use olive oil and yeast flakes.",
    "Inflation in the euro area slowed to 2.4 percent in the year to November, its lowest rate since July 2021, as "
    "energy prices fell. Core inflation, which leaves out food and fuel, was 3.6 percent. Markets now expect the bank "
    "to cut its deposit rate in spring. Its president warned that wages are still rising fast, and that it was too "
    "early to declare victory; unemployment stayed at a record low.",
    "Returns an iterator over the lines of a file opened for reading. Raises ValueError if the file has been closed. "
    "The optional argument size, an integer, limits how many bytes are read at once; the default of -1 means no limit. "
    "Note that mixing iteration with calls of readline() is not safe in threads. Example: for line in open(path): "
    "print(line.rstrip()). Changed in version 3.2: the argument encoding was added.",
    "Short-term exposure to fine particulate matter increases hospital admissions for heart failure, especially in the "
    "elderly. In a case-control study of 12,000 women, carriers of the BRCA1 mutation had a five-fold risk of breast "
    "cancer; obesity, alcohol and late menopause raised it further. Vitamin D supplements did not reduce fractures. "
    "HIV infection rates fell in villages where bed nets, clean water and antiretroviral drugs were provided.",
)
