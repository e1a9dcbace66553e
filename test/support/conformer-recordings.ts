/**
 * The recordings behind the 40 batches of 4 sequences of the golden Conformer run, which it does not name: found by comparing
 * features. A + joins the samples of two recordings. Each line is a step.
 */
export const recordings: readonly string[] = `
2_george_43 9_george_6 8_lucas_27+5_yweweler_35 7_lucas_45
9_george_32+4_theo_42 5_yweweler_4 6_nicolas_33 3_george_26
9_nicolas_4 4_nicolas_7+2_lucas_11 4_george_41+6_lucas_13 1_yweweler_1
0_nicolas_40+6_theo_38 0_george_17 6_yweweler_9+8_george_5 7_jackson_44+8_lucas_3
9_jackson_13 6_yweweler_38+8_george_14 8_theo_39+8_yweweler_25 8_george_9+9_george_6
0_lucas_44 0_jackson_45 0_jackson_18 2_nicolas_16
2_lucas_5+9_lucas_9 9_theo_22 2_lucas_37+0_lucas_23 5_yweweler_28
1_nicolas_8 6_theo_39 0_jackson_20 3_george_37
9_lucas_22+8_nicolas_29 6_lucas_34+8_george_4 6_nicolas_30 6_george_38
1_yweweler_3 5_theo_3+3_theo_36 2_lucas_18 4_theo_12+9_nicolas_36
8_nicolas_2+0_george_7 5_theo_41 8_lucas_31 1_nicolas_17
3_george_12 1_jackson_34+7_yweweler_47 3_george_46 8_nicolas_43+4_lucas_14
3_george_21+1_jackson_42 7_theo_0+7_nicolas_10 4_yweweler_49+1_yweweler_46 5_theo_27+3_yweweler_16
2_nicolas_44+6_george_34 0_yweweler_43+4_nicolas_18 0_nicolas_11+6_jackson_5 8_jackson_28+6_yweweler_14
3_nicolas_40+3_jackson_37 7_jackson_23 8_theo_1 8_yweweler_34
1_nicolas_4 0_jackson_36 6_nicolas_10 2_george_49+1_nicolas_47
6_jackson_9+9_lucas_4 3_theo_42+1_nicolas_40 8_theo_49 9_yweweler_34
5_yweweler_40+1_george_11 3_theo_46+8_lucas_37 1_yweweler_31 6_theo_46+8_jackson_46
3_theo_36+3_george_24 6_nicolas_43 2_yweweler_42+2_george_5 2_lucas_47+2_george_32
8_nicolas_18 5_yweweler_4 3_lucas_39 7_theo_25+5_theo_42
2_yweweler_9+1_nicolas_48 1_yweweler_8 9_george_19+1_jackson_48 1_jackson_9+8_lucas_4
6_lucas_28 7_lucas_21 7_jackson_49+2_theo_15 3_george_26+7_nicolas_19
4_yweweler_14+6_jackson_17 1_yweweler_19+0_jackson_16 1_theo_49 8_theo_0+3_theo_32
7_george_38 0_yweweler_45 7_jackson_37+0_theo_18 5_lucas_1+8_jackson_33
6_theo_29+3_lucas_0 7_jackson_29 2_jackson_48 9_lucas_34+7_nicolas_29
1_yweweler_29+2_theo_46 7_lucas_8 2_george_39+7_lucas_49 8_yweweler_44+5_nicolas_32
8_yweweler_22 0_nicolas_21 4_nicolas_1+6_lucas_39 7_jackson_2
9_yweweler_45 9_lucas_24+7_yweweler_34 0_yweweler_20+7_theo_37 3_yweweler_40+3_george_41
1_yweweler_48+1_yweweler_11 7_nicolas_34+5_yweweler_29 3_jackson_24+7_jackson_20 4_lucas_4
3_theo_4 4_jackson_17 0_lucas_0 8_lucas_38
5_lucas_33 3_yweweler_2 5_lucas_49+0_jackson_18 7_theo_17+3_theo_49
8_jackson_46 9_jackson_16 3_yweweler_2 1_lucas_20+0_jackson_43
9_jackson_33+9_yweweler_34 1_lucas_48 7_george_43 8_jackson_31+3_theo_3
2_nicolas_26+1_jackson_27 0_yweweler_31 9_yweweler_20+1_george_28 1_theo_40
5_lucas_12 9_nicolas_1+4_lucas_43 7_nicolas_1+8_nicolas_21 4_nicolas_20
7_nicolas_12+2_jackson_1 7_theo_15+1_lucas_44 2_nicolas_32 1_nicolas_18
1_george_36 3_yweweler_26 4_lucas_46 2_lucas_48+4_nicolas_22
0_nicolas_27+9_lucas_26 2_yweweler_27+8_yweweler_23 9_george_8 2_lucas_44+0_nicolas_40
7_lucas_39 5_george_49 4_jackson_30 9_yweweler_17
8_lucas_32+1_jackson_26 1_theo_34 8_nicolas_37+6_george_28 9_lucas_32
`
  .trim()
  .split(/\s+/);
